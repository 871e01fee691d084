import { Table } from '../parts/table.tsx'
import { moment, number, timeOfDay, words } from '../words/language.ts'

const t = words.value.curve

type Point = { at: string; admitted: number; refused: number }
type Props = { items: readonly Point[]; timezone: string; bucket: string }

const [width, height, foot] = [800, 220, 24]
const bucketWords: Record<string, string> = { minute: 'minute', '5min': t.fiveMinutes, hour: 'hour' }

/** How people came, drawn so that a printer can too, with the numbers in a table behind it. */
export function Curve({ items, timezone, bucket }: Props) {
  const most = Math.max(1, ...items.map(({ admitted, refused }) => admitted + refused))
  // A few of them are bars and not walls.
  const each = Math.min(40, width / items.length)
  const heightOf = (count: number) => ((height - foot) * count) / most
  const label = t.peopleLetInAnd(bucketWords[bucket] ?? bucket, number(most))
  const ticks = items.filter((_, i) => i % Math.ceil(items.length / 6) === 0)
  return (
    <figure class="group">
      <svg class="curve" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
        <line x1="0" x2={width} y1={height - foot} y2={height - foot} />
        {items.map(({ at, admitted, refused }, i) => (
          <g key={at}>
            <rect
              class="admitted"
              x={i * each}
              width={Math.max(1, each - 1)}
              y={height - foot - heightOf(admitted)}
              height={heightOf(admitted)}
            />
            <rect
              class="refused"
              x={i * each}
              width={Math.max(1, each - 1)}
              y={height - foot - heightOf(admitted + refused)}
              height={heightOf(refused)}
            />
          </g>
        ))}
        {ticks.map(({ at }) => (
          <text key={at} x={items.findIndex((item) => item.at === at) * each} y={height - 6}>
            {timeOfDay(at, timezone)}
          </text>
        ))}
      </svg>
      <figcaption class="dim">
        <span class="swatch admitted" aria-hidden="true" />
        {t.letIn}
        <span class="swatch refused" aria-hidden="true" /> {t.refusedForEach}
        {bucketWords[bucket] ?? bucket}
      </figcaption>
      <details class="no-print">
        <summary>{t.asATable}</summary>
        <Table
          caption={label}
          items={items}
          keyOf={({ at }) => at}
          columns={[
            { title: t.from, cell: ({ at }) => moment(at, timezone) },
            { title: t.letIn2, isNumber: true, cell: ({ admitted }) => number(admitted) },
            { title: t.refused, isNumber: true, cell: ({ refused }) => number(refused) },
          ]}
        />
      </details>
    </figure>
  )
}
