import { hasNfc } from '../inputs/nfc.ts'
import { Icon } from '../parts/icon.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { moment, seconds, words } from '../words/language.ts'

const parts = ['shell', 'wasm', 'keys', 'snapshot', 'persisted'] as const

/** What must be there before the network may go, each with what to do where it is not. */
export function ReadyScreen() {
  const { status } = useScanner()
  const t = words.value.ready
  const { readyOffline, policy, lease, clock, aloneUntil } = status.value
  return (
    <Sheet title={t.title}>
      <p class="ready" data-ready={readyOffline.all} role="status">
        <Icon name={readyOffline.all ? 'check' : 'warning'} />
        {readyOffline.all ? t.yes : t.no}
      </p>
      <ul class="checklist">
        {parts.map((part) => (
          <li key={part} data-ok={readyOffline[part]}>
            <Icon name={readyOffline[part] ? 'check' : 'warning'} />
            <div>
              <strong>{t.parts[part][0]}</strong>{' '}
              <span class="tag">
                {readyOffline[part] ? t.ok : t.missing}
                {part === 'persisted' && !readyOffline[part] ? ` · ${t.optional}` : ''}
              </span>
              {!readyOffline[part] && <p>{t.parts[part][1]}</p>}
            </div>
          </li>
        ))}
      </ul>
      {policy && <p>{t.policies[policy.offline]}</p>}
      {policy && policy.offline !== 'never' && aloneUntil !== null && (
        <p>
          {t.until}
          {moment(aloneUntil, Date.now())}
        </p>
      )}
      {policy?.offline === 'strict' && <p>{t.lease[lease]}</p>}
      {clock.skewMs === null && <p>{t.clockUnknown}</p>}
      {clock.skewMs !== null && Math.abs(clock.skewMs) >= 1000 && <p>{t.clock + seconds(clock.skewMs)}</p>}
      <Limits />
    </Sheet>
  )
}

/** Said honestly: not every browser can do everything. */
function Limits() {
  const t = words.value.ready
  const limits = [
    'vibrate' in navigator ? null : t.noVibration,
    hasNfc ? null : t.noNfc,
    'SyncManager' in window ? null : t.noBackground,
    'wakeLock' in navigator ? null : t.noWakeLock,
  ].filter((limit) => limit !== null)
  if (limits.length === 0) return null
  return (
    <section>
      <h2>{t.limits}</h2>
      <ul class="limits">
        {limits.map((limit) => (
          <li key={limit}>{limit}</li>
        ))}
      </ul>
    </section>
  )
}
