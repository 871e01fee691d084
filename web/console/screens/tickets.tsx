import { useSignal } from '@preact/signals'
import { type Problem, post, withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useList, useWhole } from '../loading.ts'
import { settle } from '../manage/confirm.tsx'
import { ChoiceFilter, filterNow, SearchFilter } from '../manage/filters.tsx'
import { instantIn, numberIn, textIn, type Values } from '../manage/form.tsx'
import { FormDialog } from '../manage/form-dialog.tsx'
import { Listing } from '../manage/listing.tsx'
import type { Gate, Ticket, TicketType } from '../manage/things.ts'
import { statuses } from '../manage/words.ts'
import { nameIn } from '../names.ts'
import { AddButton } from '../parts/add-button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'
import { go } from '../router.ts'
import { may } from '../session.ts'
import { words } from '../words/language.ts'

const t = words.value.tickets

/** The tickets: found by whatever is known of them, and made by hand. */
export default function TicketsScreen() {
  const { event, path, home } = useEvent()
  const filter = filterNow(['search', 'status', 'type', 'gate'])
  const list = useList<Ticket>(withQuery(`${path}/tickets`, filter))
  const types = useWhole<TicketType>(`${path}/ticket-types`)
  const gates = useWhole<Gate>(`${path}/gates`)
  const isIssuing = useSignal(false)
  const typeName = (id: string) => nameIn(types.value?.items, id)
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <>
      <Heading title={t.tickets} of={event.title}>
        {may('organiser') && (
          <>
            <Link to={`${home}/import`} class="button">
              <Icon name="import" />
              {t.import}
            </Link>
            <AddButton
              onClick={() => {
                isIssuing.value = true
              }}
            >
              {t.issueATicket}
            </AddButton>
          </>
        )}
      </Heading>
      <div class="filters">
        <SearchFilter label={t.nameEMailBooking} />
        <ChoiceFilter
          name="status"
          label={t.status}
          all={t.anyStatus}
          options={Object.entries(statuses).map(([value, label]) => ({ value, label }))}
        />
        <ChoiceFilter
          name="type"
          label={t.ticketType}
          all={t.everyType}
          options={(types.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        />
        <ChoiceFilter
          name="gate"
          label={t.scannedAtGate}
          all={t.scannedAnywhereOrNot}
          options={(gates.value?.items ?? []).map(({ id, name }) => ({ value: id, label: t.scannedAt(name) }))}
        />
      </div>
      <Listing<Ticket>
        list={list}
        caption={t.tickets}
        keyOf={({ id }) => id}
        columns={[
          {
            title: t.holder,
            cell: (ticket) => <Link to={`${home}/tickets/${ticket.id}`}>{nameOf(ticket)}</Link>,
          },
          { title: t.status, cell: ({ status }) => <StatusTag status={status} /> },
          { title: t.type, cell: ({ type }) => typeName(type) },
          { title: t.code, cell: ({ shortCode }) => <code>{shortCode}</code> },
          { title: t.reference, cell: ({ reference }) => reference ?? '–' },
          { title: t.booking, cell: ({ booking }) => booking?.id ?? '–' },
          {
            title: t.cameIn,
            isNumber: true,
            cell: ({ standings, admits }) => t.ofThis(Math.max(0, ...standings.map(({ entries }) => entries)), admits),
          },
        ]}
        empty={
          isFiltered ? (
            <Empty icon="search" title={t.noTicketMatches}>
              <p>{t.tryFewerLettersOr}</p>
            </Empty>
          ) : (
            <Empty icon="ticket" title={t.noTicketsYet}>
              <p>{t.importAGuestList}</p>
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
    return settle(answer, ({ tickets }) => go(`${home}/tickets/${tickets[0]?.id}`), t.theTicketIsIssued)
  }
  if (types.length === 0) {
    return (
      <Dialog title={t.issueATicket} onClose={onClose}>
        <p>{t.firstSayWhatIs}</p>
        <Link to={`${home}/ticket-types`} class="button primary">
          {t.toTheTicketTypes}
        </Link>
      </Dialog>
    )
  }
  return (
    <FormDialog
      title={t.issueATicket}
      onClose={onClose}
      fields={[
        {
          name: 'type',
          label: t.ticketType,
          kind: 'select',
          options: types.map(({ id, name }) => ({ value: id, label: name })),
        },
        { name: 'name', asked: 'holder.name', label: t.holder, kind: 'text', isOptional: true },
        { name: 'email', asked: 'holder.email', label: t.eMail, kind: 'email', isOptional: true },
        {
          name: 'reference',
          label: t.reference,
          kind: 'text',
          isOptional: true,
          hint: t.yourOwnNameFor,
        },
        { name: 'booking', label: t.booking, kind: 'text', isOptional: true, hint: t.theOrderItBelongs },
        {
          name: 'admits',
          label: t.people,
          kind: 'number',
          isOptional: true,
          hint: t.howManyThisOne,
        },
        { name: 'validFrom', label: t.validFrom, kind: 'instant', isOptional: true },
        { name: 'validUntil', label: t.validUntil, kind: 'instant', isOptional: true },
        {
          name: 'code',
          label: t.barcodePrintedElsewhere,
          kind: 'text',
          isOptional: true,
          hint: t.onlyWhereTheTicket,
        },
        { name: 'note', label: t.noteForTheSteward, kind: 'long', isOptional: true },
        {
          name: 'paid',
          label: t.paid,
          kind: 'check',
          hint: t.anUnpaidTicketIs,
        },
      ]}
      initial={{ type: types[0]?.id ?? '', paid: true }}
      action={t.issue}
      submit={issue}
    />
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
