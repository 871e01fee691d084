import { useSignal } from '@preact/signals'
import { useNow } from '../now.ts'
import { Table } from '../parts/table.tsx'
import type { EventDetails } from '../things.ts'
import { ago, number, percent, timeOfDay, words } from '../words/language.ts'
import type { Doors } from './source.ts'
import { type GateReport, type LiveStats, sumOf } from './stats.ts'

type Props = { doors: Doors; stats: LiveStats; event: EventDetails }

/** Each gate: its share of those who came in, when somebody was last scanned there, and its last hours. */
export function Gates({ doors, stats, event }: Props) {
  const t = words.value.live.gates
  const isTable = useSignal(false)
  const gates = doors.gates.value
  if (!gates) return null
  // The report is a few seconds old; the Gatekeeper's count is not.
  const admittedAt = (gate: GateReport) => Math.max(gate.admitted, stats.gateCounts[gate.gateId] ?? 0)
  const all = gates.reduce((sum, gate) => sum + admittedAt(gate), 0)
  const share = (gate: GateReport) => (all > 0 ? admittedAt(gate) / all : 0)
  const sorted = [...gates].sort((a, b) => admittedAt(b) - admittedAt(a))
  return (
    <section class="card panel">
      <div class="between">
        <h2>{t.title}</h2>
        {gates.length > 0 && (
          <button
            type="button"
            class="plain small"
            aria-pressed={isTable.value}
            onClick={() => {
              isTable.value = !isTable.value
            }}
          >
            {words.value.chart.asTable}
          </button>
        )}
      </div>
      {gates.length === 0 && <p class="hint">{t.none}</p>}
      {isTable.value ? (
        <Table
          caption={t.title}
          items={sorted}
          keyOf={({ gateId }) => gateId}
          columns={[
            { title: t.gate, cell: ({ name }) => name },
            { title: t.admitted, isNumber: true, cell: (gate) => number(admittedAt(gate)) },
            { title: t.share, isNumber: true, cell: (gate) => percent(share(gate)) },
            { title: t.exited, isNumber: true, cell: ({ exited }) => number(exited) },
            { title: t.refused, isNumber: true, cell: ({ refused }) => number(sumOf(refused)) },
            {
              title: t.last,
              cell: ({ lastScanAt }) => (lastScanAt ? timeOfDay(lastScanAt, event.timezone) : '–'),
            },
          ]}
        />
      ) : (
        <ul class="gates">
          {sorted.map((gate) => (
            <Gate key={gate.gateId} gate={gate} admitted={admittedAt(gate)} share={share(gate)} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Gate({ gate, admitted, share }: { gate: GateReport; admitted: number; share: number }) {
  const t = words.value.live.gates
  const now = useNow()
  const refused = sumOf(gate.refused)
  return (
    <li>
      <p class="between">
        <strong>{gate.name}</strong>
        <span class="amount">
          {number(admitted)} · {percent(share)}
        </span>
      </p>
      <div class="meter" aria-hidden="true">
        <span style={{ width: `${100 * share}%` }} />
      </div>
      <p class="between hint">
        <span>
          {gate.lastScanAt ? `${t.lastScan} ${ago(now - Date.parse(gate.lastScanAt))}` : t.quiet}
          {refused > 0 && ` · ${number(refused)} ${t.refusedThere}`}
        </span>
        <Heat hours={gate.perHour} />
      </p>
    </li>
  )
}

/** The last twelve hours in which anybody was scanned: the darker, the more. The table of reports has the numbers. */
function Heat({ hours }: { hours: GateReport['perHour'] }) {
  const most = Math.max(1, ...hours.map(({ scans }) => scans))
  return (
    <span class="heat" aria-hidden="true">
      {hours.slice(-12).map(({ at, scans }) => (
        <span key={at} style={{ opacity: String(0.12 + (0.88 * scans) / most) }} />
      ))}
    </span>
  )
}
