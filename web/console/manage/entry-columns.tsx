import { Link } from '../parts/link.tsx'
import type { Column } from '../parts/table.tsx'
import type { Entry } from '../things.ts'
import { milliseconds, words } from '../words/language.ts'
import { exactMoment } from './moments.ts'
import { outcomeWords } from './words.ts'

const t = words.value.entryColumns

type Where = { timezone: string; home: string; withTicket: boolean }

/** An entry of the log as a row. */
export function entryColumns({ timezone, home, withTicket }: Where): Column<Entry>[] {
  return [
    { title: t.time, cell: (entry) => <span class="nowrap">{exactMoment(entry.scannedAt, timezone)}</span> },
    { title: t.outcome, cell: (entry) => <Outcome entry={entry} /> },
    { title: t.gate, cell: ({ gateName, zone }) => gateName ?? zone },
    { title: t.people, isNumber: true, cell: ({ people }) => people },
    ...(withTicket
      ? [
          {
            title: t.ticket,
            cell: ({ ticketId }: Entry) =>
              ticketId ? <Link to={`${home}/tickets/${ticketId}`}>{`…${ticketId.slice(-6)}`}</Link> : '–',
          },
        ]
      : []),
    { title: t.staff, cell: ({ staffId }) => staffId ?? '–' },
    { title: t.decidedIn, isNumber: true, cell: ({ validationTime }) => milliseconds(validationTime) },
  ]
}

function Outcome({ entry }: { entry: Entry }) {
  const tone = entry.verdict === 'refused' ? ' alarm' : entry.verdict === 'admitted' ? ' fine' : ''
  return (
    <span class="tags">
      <span class={`tag${tone}`}>{outcomeWords(entry)}</span>
      {entry.duplicateAttemptNumber !== null && (
        <span class="tag">
          {t.shown}
          {entry.duplicateAttemptNumber}
          {t.times}
        </span>
      )}
      {entry.offline && <span class="tag warn">{t.withoutNetwork}</span>}
      {entry.forced && <span class="tag warn">{t.letInAnyway}</span>}
      {entry.annulledAt && <span class="tag warn">{t.takenBack}</span>}
    </span>
  )
}
