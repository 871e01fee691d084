import { useSignal } from '@preact/signals'
import { get, type Problem } from '../api.ts'
import { useEvent } from '../event.ts'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Failed } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { number } from '../words/language.ts'

type Checked = {
  ok: boolean
  checked: { entries: number; tickets: number }
  discrepancies: { invariant: string; ticketId?: string; entryId?: string; detail: string }[]
  outbox: { pending: number }
}

const invariants: Record<string, string> = {
  sequence: 'No number of the log is missing',
  chain: 'No entry was changed',
  counts: 'The sums are those of the log',
  standing: 'Each ticket stands where the log says',
  once_only: 'Nobody came in twice on one right',
  d1: 'The reports have what the log has',
}

/** Everything that must be true of the log, checked anew. */
export default function IntegrityScreen() {
  const { event, home } = useEvent()
  const result = useSignal<Checked | null>(null)
  const problem = useSignal<Problem | null>(null)
  const isWorking = useSignal(false)
  const check = async () => {
    isWorking.value = true
    const answer = await get<Checked>(`/api/hp-scanner/integrity/${event.id}`, new AbortController().signal)
    isWorking.value = false
    problem.value = answer.ok ? null : answer.problem
    result.value = answer.ok ? answer.value : null
  }
  const now = result.value
  return (
    <>
      <Heading title="Integrity" of={event.title} />
      <p class="dim">
        The log is read from its first entry and everything that follows from it is worked out anew. Scanning goes on
        meanwhile. A million scans take a while.
      </p>
      <div class="actions">
        <button type="button" class="primary" disabled={isWorking.value} onClick={() => void check()}>
          {isWorking.value ? 'Checking …' : 'Check now'}
        </button>
      </div>
      {problem.value && <Failed problem={problem.value} onRetry={() => void check()} />}
      <div role="status" class="group">
        {now && (
          <p class={now.ok ? 'notice fine' : 'form-problem'}>
            <strong>
              {now.ok ? 'Everything agrees.' : `${number(now.discrepancies.length)} things do not agree.`}
            </strong>{' '}
            {number(now.checked.entries)} entries and the standings of {number(now.checked.tickets)} tickets were
            checked
            {now.outbox.pending > 0 && `; ${number(now.outbox.pending)} entries are on their way to the reports`}.
          </p>
        )}
      </div>
      {now && (
        <Table
          caption="What was checked"
          items={Object.entries(invariants)}
          keyOf={([name]) => name}
          columns={[
            { title: 'What must be true', cell: ([, words]) => words },
            {
              title: 'Result',
              cell: ([name]) => {
                const found = now.discrepancies.filter(({ invariant }) => invariant === name).length
                return found === 0 ? <span class="tag fine">Holds</span> : <span class="tag alarm">{found} not</span>
              },
            },
          ]}
        />
      )}
      {now && now.discrepancies.length > 0 && (
        <Table
          caption="What does not agree"
          items={now.discrepancies}
          keyOf={(_, index) => index}
          columns={[
            { title: 'What must be true', cell: ({ invariant }) => invariants[invariant] ?? invariant },
            { title: 'What was found', cell: ({ detail }) => detail },
            { title: 'Entry', cell: ({ entryId }) => entryId ?? '–' },
            {
              title: 'Ticket',
              cell: ({ ticketId }) =>
                ticketId ? <Link to={`${home}/tickets/${ticketId}`}>{`…${ticketId.slice(-6)}`}</Link> : '–',
            },
          ]}
        />
      )}
    </>
  )
}
