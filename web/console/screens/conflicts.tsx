import { useSignal } from '@preact/signals'
import { post, withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useList, useWhole } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { textIn, type Values } from '../manage/form.tsx'
import { Listing } from '../manage/listing.tsx'
import { exactMoment } from '../manage/moments.ts'
import type { Gate } from '../manage/things.ts'
import { reasonWords, verdicts } from '../manage/words.ts'
import { nameIn } from '../names.ts'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'
import { complain, say } from '../parts/toast.tsx'
import { moment, words } from '../words/language.ts'

type Conflict = {
  id: string
  ticketId: string | null
  gateId: string | null
  scannedAt: string
  shown: string
  judged: string
  with: { gateId: string | null; scannedAt: string } | null
  handled: { at: string; by: string; note: string | null } | null
}

/** Where a gate without network did something else than is judged, now that everything is known. */
export default function ConflictsScreen() {
  const t = words.value.conflicts
  const { event, path, home } = useEvent()
  const { state } = filterNow(['state'])
  const gates = useWhole<Gate>(`${path}/gates`)
  const gateName = (id: string) => nameIn(gates.value?.items, id)
  const list = useList<Conflict>(withQuery(`${path}/conflicts`, { state }))
  const asked = useSignal<Conflict | null>(null)
  const handle = async (values: Values) =>
    settle(
      await post(`${path}/conflicts/${asked.peek()?.id}/handle`, { note: textIn(values, 'note') }),
      () => void list.reload(),
      t.done,
    )
  const reopen = async ({ id }: Conflict) => {
    const answer = await post(`${path}/conflicts/${id}/reopen`)
    if (!answer.ok) return complain(answer.problem)
    say(t.done)
    void list.reload()
  }
  return (
    <>
      <Heading title={t.title} of={event.title} />
      <p class="dim">{t.how}</p>
      <div class="filters">
        <ChoiceFilter
          name="state"
          label={t.state}
          all={t.states.open}
          options={[
            { value: 'handled', label: t.states.handled },
            { value: 'all', label: t.states.all },
          ]}
        />
      </div>
      <Listing<Conflict>
        list={list}
        caption={t.caption}
        keyOf={({ id }) => id}
        columns={[
          {
            title: t.when,
            cell: ({ scannedAt }) => <span class="nowrap">{exactMoment(scannedAt, event.timezone)}</span>,
          },
          {
            title: t.ticket,
            cell: ({ ticketId }) =>
              ticketId ? (
                <Link to={`${home}/tickets/${ticketId}`} class="nowrap">{`…${ticketId.slice(-6)}`}</Link>
              ) : (
                '–'
              ),
          },
          { title: t.did, cell: ({ shown }) => <span class="tag warn">{wordOf(shown)}</span> },
          { title: t.judged, cell: ({ judged }) => <span class="tag">{wordOf(judged)}</span> },
          { title: t.gate, cell: ({ gateId }) => (gateId === null ? '–' : gateName(gateId)) },
          {
            title: t.against,
            cell: (conflict) =>
              conflict.with
                ? `${conflict.with.gateId === null ? t.aGate : gateName(conflict.with.gateId)}, ${exactMoment(conflict.with.scannedAt, event.timezone)}`
                : '–',
          },
          {
            title: t.state,
            cell: (conflict) => (
              <State
                of={conflict}
                timezone={event.timezone}
                onHandle={() => {
                  asked.value = conflict
                }}
                onReopen={() => void reopen(conflict)}
              />
            ),
          },
        ]}
        empty={
          <Empty icon="check" title={state ? t.none : t.noneOpen}>
            <p>{state ? t.noneHow : t.noneOpenHow}</p>
          </Empty>
        }
      />
      {asked.value && (
        <Confirm
          title={t.handleTitle}
          action={t.handle}
          fields={[{ name: 'note', label: t.note, kind: 'long', hint: t.noteHint, isOptional: true }]}
          onConfirm={handle}
          onClose={() => {
            asked.value = null
          }}
        >
          <p>{t.handleHow}</p>
        </Confirm>
      )}
    </>
  )
}

type StateProps = { of: Conflict; timezone: string; onHandle: () => void; onReopen: () => void }

function State({ of: { handled }, timezone, onHandle, onReopen }: StateProps) {
  const t = words.value.conflicts
  if (!handled) {
    return (
      <button type="button" onClick={onHandle}>
        {t.handle}
      </button>
    )
  }
  return (
    <div>
      <span class="tag fine">{t.states.handled}</span> {t.handledBy(handled.by, moment(handled.at, timezone))}
      {handled.note && <p>{handled.note}</p>}
      <button type="button" class="plain small" onClick={onReopen}>
        {t.reopen}
      </button>
    </div>
  )
}

function wordOf(word: string): string {
  return verdicts[word] ?? reasonWords(word)
}
