import type { GateId } from '../../../core/ids.ts'
import type { Shown } from '../engine/shown.ts'
import type { ConflictVerdict, ShownConflict } from '../engine/status.ts'
import { Icon } from '../parts/icon.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { exactTime, moment, words } from '../words/language.ts'

export function ConflictsScreen() {
  const { engine, status } = useScanner()
  const t = words.value.conflicts
  const { conflicts, setAside } = status.value
  return (
    <Sheet title={t.title}>
      {conflicts.length === 0 && setAside.length === 0 && <p class="empty">{t.none}</p>}
      {conflicts.length > 0 && <p>{t.what}</p>}
      <ul class="conflicts">
        {conflicts.map((conflict) => (
          <Conflict key={`${conflict.scanId}${conflict.scannedAt}`} conflict={conflict} />
        ))}
      </ul>
      {conflicts.length > 0 && (
        <button type="button" class="wide" onClick={() => engine.dismissConflicts()}>
          {t.seen}
        </button>
      )}
      {setAside.length > 0 && (
        <section>
          <h2>{t.setAside}</h2>
          <p>{t.setAsideWhy}</p>
          <ul class="conflicts">
            {setAside.map(({ scanId, gateName, at, message }) => (
              <li key={scanId}>
                <Icon name="warning" />
                <div>
                  <strong>{exactTime(at)}</strong> · {gateName}
                  <p>{message}</p>
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
    </Sheet>
  )
}

function Conflict({ conflict }: { conflict: ShownConflict }) {
  const { status, recent } = useScanner()
  const t = words.value.conflicts
  // The message says which ticket it is; whose that is, this device knows from its own scan of it.
  const ticket = recent.value.find((shown) => isOf(shown, conflict))?.ticket
  const nameOf = (gateId: GateId | null) => status.value.gates.find(({ id }) => id === gateId)?.name ?? gateId
  const now = Date.now()
  return (
    <li>
      <Icon name="warning" />
      <div>
        <strong>{conflict.here ? t.here : t.there}</strong>
        <p>{[moment(conflict.scannedAt, now), conflict.gateName].filter(Boolean).join(' · ')}</p>
        {ticket && <p>{[ticket.who, ticket.typeName].filter(Boolean).join(' · ')}</p>}
        <p>
          {t.shown}
          {verdictWords(conflict.shown)}
        </p>
        <p>
          {t.judged}
          {verdictWords(conflict.judged)}
        </p>
        {conflict.with && (
          <p>
            {t.other}
            {[moment(conflict.with.scannedAt, now), nameOf(conflict.with.gateId)].filter(Boolean).join(' · ')}
          </p>
        )}
      </div>
    </li>
  )
}

function isOf({ scanId, ticket }: Shown, conflict: ShownConflict): boolean {
  return scanId === conflict.scanId || (ticket !== null && ticket.id === conflict.ticketId)
}

function verdictWords(verdict: ConflictVerdict): string {
  const { outcomes } = words.value
  return verdict.kind === 'refused' ? outcomes[verdict.reason ?? 'problem'][0] : outcomes[verdict.kind][1]
}
