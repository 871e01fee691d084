import { useSignal } from '@preact/signals'
import { get, type Problem } from '../api.ts'
import { useEvent } from '../event.ts'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Failed } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { number, words } from '../words/language.ts'

const t = words.value.integrity

type Checked = {
  ok: boolean
  checked: { entries: number; tickets: number }
  discrepancies: { invariant: string; ticketId?: string; entryId?: string; detail: string }[]
  outbox: { pending: number }
}

const invariants: Record<string, string> = {
  sequence: t.noNumberOfThe,
  chain: t.noEntryWasChanged,
  counts: t.theSumsAreThose,
  standing: t.eachTicketStandsWhere,
  once_only: t.nobodyCameInTwice,
  d1: t.theReportsHaveWhat,
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
      <Heading title={t.integrity} of={event.title} />
      <p class="dim">{t.theLogIsRead}</p>
      <div class="actions">
        <button type="button" class="primary" disabled={isWorking.value} onClick={() => void check()}>
          {isWorking.value ? t.checking : t.checkNow}
        </button>
      </div>
      {problem.value && <Failed problem={problem.value} onRetry={() => void check()} />}
      <div role="status" class="group">
        {now && (
          <p class={now.ok ? 'notice fine' : 'form-problem'}>
            <strong>{now.ok ? t.everythingAgrees : t.thingsDoNotAgree(number(now.discrepancies.length))}</strong>{' '}
            {number(now.checked.entries)}
            {t.entriesAndTheStandings}
            {number(now.checked.tickets)}
            {t.ticketsWereChecked}
            {now.outbox.pending > 0 && t.entriesAreOnTheir(number(now.outbox.pending))}.
          </p>
        )}
      </div>
      {now && (
        <Table
          caption={t.whatWasChecked}
          items={Object.entries(invariants)}
          keyOf={([name]) => name}
          columns={[
            { title: t.whatMustBeTrue, cell: ([, words]) => words },
            {
              title: t.result,
              cell: ([name]) => {
                const found = now.discrepancies.filter(({ invariant }) => invariant === name).length
                return found === 0 ? (
                  <span class="tag fine">{t.holds}</span>
                ) : (
                  <span class="tag alarm">
                    {found}
                    {t.not}
                  </span>
                )
              },
            },
          ]}
        />
      )}
      {now && now.discrepancies.length > 0 && (
        <Table
          caption={t.whatDoesNotAgree}
          items={now.discrepancies}
          keyOf={(_, index) => index}
          columns={[
            { title: t.whatMustBeTrue, cell: ({ invariant }) => invariants[invariant] ?? invariant },
            { title: t.whatWasFound, cell: ({ detail }) => detail },
            { title: t.entry, cell: ({ entryId }) => entryId ?? '–' },
            {
              title: t.ticket,
              cell: ({ ticketId }) =>
                ticketId ? <Link to={`${home}/tickets/${ticketId}`}>{`…${ticketId.slice(-6)}`}</Link> : '–',
            },
          ]}
        />
      )}
    </>
  )
}
