import { useSignal } from '@preact/signals'
import { type Problem, post, withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet, useList } from '../loading.ts'
import { settle } from '../manage/confirm.tsx'
import { ChoiceFilter, filterNow, SearchFilter } from '../manage/filters.tsx'
import { Form, instantIn, numberIn, textIn, type Values } from '../manage/form.tsx'
import { Listing } from '../manage/listing.tsx'
import type { Gate, List, Ticket, TicketType } from '../manage/things.ts'
import { statuses } from '../manage/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'
import { go } from '../router.ts'
import { may } from '../session.ts'

/** The tickets: found by whatever is known of them, and made by hand. */
export default function TicketsScreen() {
  const { event, path, home } = useEvent()
  const filter = filterNow(['search', 'status', 'type', 'gate'])
  const list = useList<Ticket>(withQuery(`${path}/tickets`, filter))
  const types = useGet<List<TicketType>>(`${path}/ticket-types`)
  const gates = useGet<List<Gate>>(`${path}/gates`)
  const isIssuing = useSignal(false)
  const typeName = (id: string) => types.value?.items.find((type) => type.id === id)?.name ?? id
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <>
      <Heading title="Tickets" of={event.title}>
        {may('organiser') && (
          <>
            <Link to={`${home}/import`} class="button">
              <Icon name="import" />
              Import
            </Link>
            <button
              type="button"
              class="primary"
              onClick={() => {
                isIssuing.value = true
              }}
            >
              <Icon name="plus" />
              Issue a ticket
            </button>
          </>
        )}
      </Heading>
      <div class="filters">
        <SearchFilter label="Name, e-mail, booking or reference" />
        <ChoiceFilter
          name="status"
          label="Status"
          all="Any status"
          options={Object.entries(statuses).map(([value, label]) => ({ value, label }))}
        />
        <ChoiceFilter
          name="type"
          label="Ticket type"
          all="Every type"
          options={(types.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        />
        <ChoiceFilter
          name="gate"
          label="Scanned at gate"
          all="Scanned anywhere or not"
          options={(gates.value?.items ?? []).map(({ id, name }) => ({ value: id, label: `Scanned at ${name}` }))}
        />
      </div>
      <Listing<Ticket>
        list={list}
        caption="Tickets"
        keyOf={({ id }) => id}
        columns={[
          {
            title: 'Holder',
            cell: (ticket) => <Link to={`${home}/tickets/${ticket.id}`}>{nameOf(ticket)}</Link>,
          },
          { title: 'Status', cell: ({ status }) => <StatusTag status={status} /> },
          { title: 'Type', cell: ({ type }) => typeName(type) },
          { title: 'Code', cell: ({ shortCode }) => <code>{shortCode}</code> },
          { title: 'Reference', cell: ({ reference }) => reference ?? '–' },
          { title: 'Booking', cell: ({ booking }) => booking?.id ?? '–' },
          {
            title: 'Came in',
            isNumber: true,
            cell: ({ standings, admits }) => `${Math.max(0, ...standings.map(({ entries }) => entries))} of ${admits}`,
          },
        ]}
        empty={
          isFiltered ? (
            <Empty icon="search" title="No ticket matches">
              <p>Try fewer letters, or another filter.</p>
            </Empty>
          ) : (
            <Empty icon="ticket" title="No tickets yet">
              <p>Import a guest list, or issue a ticket by hand.</p>
            </Empty>
          )
        }
      />
      {isIssuing.value && (
        <IssueDialog
          types={types.value?.items ?? []}
          onClose={() => {
            isIssuing.value = false
          }}
        />
      )}
    </>
  )
}

export function StatusTag({ status }: { status: Ticket['status'] }) {
  return <span class={status === 'valid' ? 'tag fine' : 'tag alarm'}>{statuses[status]}</span>
}

export function nameOf({ holder, booking, shortCode }: Ticket): string {
  return holder.name ?? booking?.name ?? shortCode
}

function IssueDialog({ types, onClose }: { types: TicketType[]; onClose: () => void }) {
  const { path, home, event } = useEvent()
  const issue = async (values: Values): Promise<Problem | null> => {
    const answer = await post<{ tickets: Ticket[] }>(`${path}/tickets`, { tickets: [bodyOf(values, event.timezone)] })
    return settle(answer, ({ tickets }) => go(`${home}/tickets/${tickets[0]?.id}`), 'The ticket is issued.')
  }
  if (types.length === 0) {
    return (
      <Dialog title="Issue a ticket" onClose={onClose}>
        <p>First say what is sold: a ticket needs a ticket type.</p>
        <Link to={`${home}/ticket-types`} class="button primary">
          To the ticket types
        </Link>
      </Dialog>
    )
  }
  return (
    <Dialog title="Issue a ticket" onClose={onClose}>
      <Form
        fields={[
          {
            name: 'type',
            label: 'Ticket type',
            kind: 'select',
            options: types.map(({ id, name }) => ({ value: id, label: name })),
          },
          { name: 'name', asked: 'holder.name', label: 'Holder', kind: 'text', isOptional: true },
          { name: 'email', asked: 'holder.email', label: 'E-mail', kind: 'email', isOptional: true },
          {
            name: 'reference',
            label: 'Reference',
            kind: 'text',
            isOptional: true,
            hint: 'Your own name for it. The same reference again gives the same ticket.',
          },
          { name: 'booking', label: 'Booking', kind: 'text', isOptional: true, hint: 'The order it belongs to.' },
          {
            name: 'admits',
            label: 'People',
            kind: 'number',
            isOptional: true,
            hint: 'How many this one ticket lets in. Empty: as its type says.',
          },
          { name: 'validFrom', label: 'Valid from', kind: 'instant', isOptional: true },
          { name: 'validUntil', label: 'Valid until', kind: 'instant', isOptional: true },
          {
            name: 'code',
            label: 'Barcode printed elsewhere',
            kind: 'text',
            isOptional: true,
            hint: 'Only where the ticket has a code already. Ours is made in any case.',
          },
          { name: 'note', label: 'Note for the steward', kind: 'long', isOptional: true },
          {
            name: 'paid',
            label: 'Paid',
            kind: 'check',
            hint: 'An unpaid ticket is refused at the door until it is paid.',
          },
        ]}
        initial={{ type: types[0]?.id ?? '', paid: true }}
        action="Issue"
        submit={issue}
        onCancel={onClose}
      />
    </Dialog>
  )
}

function bodyOf(values: Values, timezone: string): object {
  const booking = textIn(values, 'booking')
  return {
    type: values.type,
    holder: { name: textIn(values, 'name'), email: textIn(values, 'email') },
    reference: textIn(values, 'reference'),
    booking: booking === null ? null : { id: booking },
    admits: numberIn(values, 'admits'),
    validFrom: instantIn(values, 'validFrom', timezone),
    validUntil: instantIn(values, 'validUntil', timezone),
    code: textIn(values, 'code'),
    note: textIn(values, 'note'),
    paid: values.paid === true,
  }
}
