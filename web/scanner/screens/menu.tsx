import { Icon, type IconName } from '../parts/icon.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { type Sheet as SheetName, useScanner } from '../scanner.ts'
import { number, words } from '../words/language.ts'

export function MenuScreen() {
  const { status, sheet } = useScanner()
  const t = words.value.menu
  const { enrolment, conflicts, setAside } = status.value
  const items: [SheetName, IconName, string, number?][] = [
    ['gate', 'gate', t.gate],
    ['shift', 'clock', t.shift],
    ['recent', 'twice', t.recent],
    ['conflicts', 'warning', t.conflicts, conflicts.length + setAside.length],
    ['ready', 'cloud', t.ready],
    ['settings', 'menu', t.settings],
    ['kiosk', 'lock', t.kiosk],
    ['sign-out', 'exit', t.signOut],
  ]
  return (
    <Sheet title={t.title} back={() => (sheet.value = null)}>
      <ul class="menu">
        {items.map(([name, icon, label, count = 0]) => (
          <li key={name}>
            <button type="button" onClick={() => (sheet.value = name)}>
              <Icon name={icon} />
              {label}
              {count > 0 && <span class="count">{number(count)}</span>}
            </button>
          </li>
        ))}
      </ul>
      {enrolment && (
        <p class="hint">
          {t.signedInAs}
          {enrolment.staff.name} ({t[enrolment.staff.role]}) · {enrolment.device.name}
        </p>
      )}
    </Sheet>
  )
}
