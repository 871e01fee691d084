import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { words } from '../words/language.ts'

export function GateScreen() {
  const { engine, status, sheet } = useScanner()
  const t = words.value.gate
  const { gates, gate } = status.value
  const choose = async (id: (typeof gates)[number]['id']) => {
    await engine.lookAt(id)
    sheet.value = null
  }
  return (
    <Sheet title={t.title} back={() => (sheet.value = null)}>
      {gates.length === 0 && <p class="empty">{t.none}</p>}
      <ul class="menu">
        {gates.map(({ id, name, kind }) => (
          <li key={id}>
            <button type="button" aria-current={id === gate?.id} onClick={() => choose(id)}>
              <span>
                <strong>{name}</strong>
                <small>{t.kinds[kind]}</small>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  )
}
