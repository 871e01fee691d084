import { number, percent, words } from '../words/language.ts'
import type { LiveStats } from './stats.ts'
import { limits } from './worries.ts'

/** How many are in each place, and how many more it takes. */
export function Zones({ zones }: { zones: LiveStats['zones'] }) {
  const t = words.value.live.zones
  return (
    <section class="card panel">
      <h2>{t.title}</h2>
      <ul class="zones">
        {zones.map(({ id, name, inside, capacity }) => {
          const share = capacity ? inside / capacity : 0
          const tone = share >= 1 ? 'alarm' : share >= limits.nearlyFull ? 'warn' : ''
          return (
            <li key={id}>
              <p class="between">
                <strong>{name}</strong>
                <span class="amount">
                  {number(inside)}
                  {capacity !== null && ` ${t.of} ${number(capacity)} · ${percent(share)}`}
                </span>
              </p>
              {capacity === null ? (
                <p class="hint">{t.noLimit}</p>
              ) : (
                <div class={`meter ${tone}`} aria-hidden="true">
                  <span style={{ width: `${Math.min(100, 100 * share)}%` }} />
                </div>
              )}
            </li>
          )
        })}
      </ul>
    </section>
  )
}
