import { Link } from '../parts/link.tsx'
import type { Column } from '../parts/table.tsx'
import type { Entry } from '../things.ts'
import { exactMoment } from './moments.ts'
import { outcomeWords } from './words.ts'

type Where = { timezone: string; home: string; withTicket: boolean }

/** An entry of the log as a row. */
export function entryColumns({ timezone, home, withTicket }: Where): Column<Entry>[] {
  return [
    { title: 'Time', cell: (entry) => <span class="nowrap">{exactMoment(entry.scannedAt, timezone)}</span> },
    { title: 'Outcome', cell: (entry) => <Outcome entry={entry} /> },
    { title: 'Gate', cell: ({ gateName, zone }) => gateName ?? zone },
    { title: 'People', isNumber: true, cell: ({ people }) => people },
    ...(withTicket
      ? [
          {
            title: 'Ticket',
            cell: ({ ticketId }: Entry) =>
              ticketId ? <Link to={`${home}/tickets/${ticketId}`}>{`…${ticketId.slice(-6)}`}</Link> : '–',
          },
        ]
      : []),
    { title: 'Staff', cell: ({ staffId }) => staffId ?? '–' },
    { title: 'Decided in', isNumber: true, cell: ({ validationTime }) => `${validationTime.toFixed(1)} ms` },
  ]
}

function Outcome({ entry }: { entry: Entry }) {
  const tone = entry.verdict === 'refused' ? ' alarm' : entry.verdict === 'admitted' ? ' fine' : ''
  return (
    <span class="tags">
      <span class={`tag${tone}`}>{outcomeWords(entry)}</span>
      {entry.duplicateAttemptNumber !== null && <span class="tag">shown {entry.duplicateAttemptNumber} times</span>}
      {entry.offline && <span class="tag warn">without network</span>}
      {entry.forced && <span class="tag warn">let in anyway</span>}
      {entry.annulledAt && <span class="tag warn">taken back</span>}
    </span>
  )
}
