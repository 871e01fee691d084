import { useEvent } from '../event.ts'
import { useList } from '../loading.ts'
import { Listing } from '../manage/listing.tsx'
import { exactMoment } from '../manage/moments.ts'
import { reasonWords, verdicts } from '../manage/words.ts'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'

type Conflict = {
  ticketId: string | null
  scanId: string
  zone: string | null
  gateId: string | null
  deviceId: string | null
  scannedAt: string
  shown: string
  judged: string
  with: { deviceId: string | null; gateId: string | null; scannedAt: string } | null
}

/** Where a gate without network did something else than is judged, now that everything is known. */
export default function ConflictsScreen() {
  const { event, path, home } = useEvent()
  const list = useList<Conflict>(`${path}/conflicts`)
  return (
    <>
      <Heading title="Conflicts" of={event.title} />
      <p class="dim">
        A scanner without network decides alone. What it did stands; where it would have been decided otherwise, it is
        listed here: usually a ticket that was let in at two gates that did not know of each other.
      </p>
      <Listing<Conflict>
        list={list}
        caption="Conflicts"
        keyOf={({ scanId }) => scanId}
        columns={[
          {
            title: 'When',
            cell: ({ scannedAt }) => <span class="nowrap">{exactMoment(scannedAt, event.timezone)}</span>,
          },
          {
            title: 'Ticket',
            cell: ({ ticketId }) =>
              ticketId ? <Link to={`${home}/tickets/${ticketId}`}>{`…${ticketId.slice(-6)}`}</Link> : '–',
          },
          { title: 'The gate did', cell: ({ shown }) => <span class="tag warn">{wordOf(shown)}</span> },
          { title: 'It is judged', cell: ({ judged }) => <span class="tag">{wordOf(judged)}</span> },
          { title: 'Gate', cell: ({ gateId }) => gateId ?? '–' },
          {
            title: 'Against',
            cell: (conflict) =>
              conflict.with
                ? `${conflict.with.gateId ?? 'a gate'}, ${exactMoment(conflict.with.scannedAt, event.timezone)}`
                : '–',
          },
        ]}
        empty={
          <Empty icon="check" title="No conflicts">
            <p>No gate did anything that is judged otherwise.</p>
          </Empty>
        }
      />
    </>
  )
}

function wordOf(word: string): string {
  return verdicts[word] ?? reasonWords(word)
}
