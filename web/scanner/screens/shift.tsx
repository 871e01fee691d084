import { useSignal } from '@preact/signals'
import { failureWords } from '../failure-words.ts'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { moment, number, words } from '../words/language.ts'

export function ShiftScreen() {
  const { engine, status } = useScanner()
  const t = words.value.shift
  const ended = useSignal<{ scans: number; admitted: number } | null>(null)
  const working = useSignal(false)
  const wrong = useSignal<string | null>(null)
  const { shift } = status.value

  const act = async () => {
    working.value = true
    wrong.value = null
    ended.value = null
    const done = await (shift ? engine.endShift() : engine.startShift())
    working.value = false
    if (!done.ok) wrong.value = failureWords(done.failure)
    else ended.value = done.value
  }

  const figures = shift ?? ended.value
  return (
    <Sheet title={t.title}>
      {ended.value && (
        <p class="headline" role="status">
          {t.ended}
        </p>
      )}
      {!figures && <p class="empty">{t.none}</p>}
      {figures && (
        <dl class="figures">
          {shift && (
            <div>
              <dt>{t.since}</dt>
              <dd>{moment(shift.startedAt, Date.now())}</dd>
            </div>
          )}
          <div>
            <dt>{t.scans}</dt>
            <dd>{number(figures.scans)}</dd>
          </div>
          <div>
            <dt>{t.admitted}</dt>
            <dd>{number(figures.admitted)}</dd>
          </div>
        </dl>
      )}
      <p class="wrong" role="alert">
        {wrong.value}
      </p>
      <button type="button" class="primary wide" disabled={working.value} onClick={act}>
        {shift ? t.end : t.start}
      </button>
    </Sheet>
  )
}
