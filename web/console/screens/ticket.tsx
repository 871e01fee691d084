import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { type Answer, call, post } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { entryColumns } from '../manage/entry-columns.tsx'
import { type FieldSpec, textIn, type Values } from '../manage/form.tsx'
import type { Ticket, TicketStatus, TicketWithScans } from '../manage/things.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import type { ScreenProps } from '../routes.ts'
import { may } from '../session.ts'
import { moment, number } from '../words/language.ts'
import { nameOf, StatusTag } from './tickets.tsx'

/** One ticket: whose it is, its code, where it stands, all its scans, and what can be done about it. */
export default function TicketScreen({ params }: ScreenProps) {
  const { path, home } = useEvent()
  const loaded = useGet<{ ticket: TicketWithScans }>(`${path}/tickets/${encodeURIComponent(params.ticketId ?? '')}`)
  return (
    <>
      <Link to={`${home}/tickets`} class="back">
        <Icon name="back" />
        Tickets
      </Link>
      <Loaded of={loaded}>{({ ticket }) => <Shown ticket={ticket} reload={() => void loaded.reload()} />}</Loaded>
    </>
  )
}

function Shown({ ticket, reload }: { ticket: TicketWithScans; reload: () => void }) {
  const { event, home } = useEvent()
  return (
    <>
      <Heading title={nameOf(ticket)} of={event.title}>
        <StatusTag status={ticket.status} />
        <button type="button" onClick={reload}>
          Refresh
        </button>
      </Heading>
      <Actions ticket={ticket} reload={reload} />
      <div class="panels">
        <section class="card panel">
          <h2>Ticket</h2>
          <Facts ticket={ticket} />
        </section>
        <section class="card panel">
          <h2>Code</h2>
          {event.policy.rotatingCodes ? (
            <p>The codes of this event change all the time: only the ticket’s page shows the one of the moment.</p>
          ) : (
            <img class="qr" src={ticket.qr.svg} alt={`QR code of ${nameOf(ticket)}`} width="240" height="240" />
          )}
          <div class="actions">
            <a class="button" href={ticket.url} target="_blank" rel="noreferrer">
              Open the ticket’s page
            </a>
            <CopyButton text={ticket.url} what="Copy its link" />
          </div>
        </section>
      </div>
      <section class="group">
        <h2>Where it stands</h2>
        <Standings ticket={ticket} />
      </section>
      <section class="group">
        <h2>Scans</h2>
        {ticket.scans.length === 0 ? (
          <Empty icon="clock" title="Never scanned" />
        ) : (
          <Table
            stacks
            caption="Scans of this ticket, the newest first"
            columns={entryColumns({ timezone: event.timezone, home, withTicket: false })}
            items={ticket.scans.toSorted((a, b) => b.seq - a.seq)}
            keyOf={({ id }) => id}
          />
        )}
        {ticket.scans.length === 100 && (
          <Link to={`${home}/entries?ticket=${ticket.id}`}>The newest 100 are shown. To all of them</Link>
        )}
      </section>
    </>
  )
}

function Facts({ ticket }: { ticket: Ticket }) {
  const { event } = useEvent()
  const { holder, booking, validFrom, validUntil } = ticket
  const facts: [string, ComponentChildren][] = [
    ['Holder', holder.name ?? '–'],
    ['E-mail', holder.email ?? '–'],
    ['Type', ticket.type],
    ['Lets in', `${number(ticket.admits)} ${ticket.admits === 1 ? 'person' : 'people'}`],
    ['Short code', <code key="code">{ticket.shortCode}</code>],
    ['Reference', ticket.reference ?? '–'],
    ['Booking', booking ? [booking.id, booking.name, booking.email].filter(Boolean).join(', ') : '–'],
    ...(booking?.quantity ? [['Tickets in it', number(booking.quantity)] as [string, string]] : []),
    ['Valid from', validFrom ? moment(validFrom, event.timezone) : 'As its type'],
    ['Valid until', validUntil ? moment(validUntil, event.timezone) : 'As its type'],
    ['Note', ticket.note ?? '–'],
    ['Id', <code key="id">{ticket.id}</code>],
  ]
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <>
          <dt key={`${name} name`}>{name}</dt>
          <dd key={name}>{value}</dd>
        </>
      ))}
    </dl>
  )
}

function Standings({ ticket }: { ticket: Ticket }) {
  const { event } = useEvent()
  const known = ticket.standings.filter(({ firstAt }) => firstAt !== null)
  if (known.length === 0) return <p>Nobody has come in with it yet.</p>
  return (
    <Table
      caption="Where the ticket stands"
      keyOf={({ zone }) => zone}
      items={known}
      columns={[
        { title: 'Zone', cell: ({ zone }) => event.zones.find(({ id }) => id === zone)?.name ?? zone },
        { title: 'Inside', isNumber: true, cell: ({ inside }) => inside },
        { title: 'Entries', isNumber: true, cell: ({ entries }) => entries },
        { title: 'Exits', isNumber: true, cell: ({ exits }) => exits },
        { title: 'First', cell: ({ firstAt }) => (firstAt ? moment(firstAt, event.timezone) : '–') },
        { title: 'Last', cell: ({ lastAt }) => (lastAt ? moment(lastAt, event.timezone) : '–') },
      ]}
    />
  )
}

type Action = {
  name: 'revoke' | 'restore' | 'reissue' | 'block' | 'pay' | 'erase'
  label: string
  /** What will happen. */
  what: string
  done: string
  isDangerous?: boolean
  when: (status: TicketStatus) => boolean
  role?: 'organiser'
  fields?: readonly FieldSpec[]
}

const reason: FieldSpec = {
  name: 'reason',
  label: 'Reason',
  kind: 'text',
  isOptional: true,
  hint: 'Shown to the steward when the ticket is refused.',
}

const actions: readonly Action[] = [
  {
    name: 'pay',
    label: 'Mark as paid',
    what: 'The ticket is taken as paid, and lets in from the very next scan.',
    done: 'Marked as paid',
    when: (status) => status === 'unpaid',
  },
  {
    name: 'restore',
    label: 'Restore',
    what: 'The ticket lets in again from the very next scan. Entries it had are kept.',
    done: 'Restored',
    when: (status) => status === 'revoked' || status === 'blocked',
  },
  {
    name: 'block',
    label: 'Put on hold',
    what: 'The ticket is refused from the very next scan, until it is restored. The steward is told to call you.',
    done: 'On hold',
    when: (status) => status === 'valid' || status === 'unpaid',
    fields: [reason],
  },
  {
    name: 'reissue',
    label: 'Reissue',
    what: 'A new code is made. The old one, on paper or in a screenshot, is refused as revoked from the very next scan.',
    done: 'A new code is made',
    isDangerous: true,
    when: (status) => status !== 'revoked',
    fields: [
      reason,
      {
        name: 'newLink',
        label: 'Make its link new as well',
        kind: 'check',
        hint: 'Where somebody else may have the link: the old one then leads nowhere, and you have to send the new one.',
      },
    ],
  },
  {
    name: 'revoke',
    label: 'Revoke',
    what: 'The ticket is refused everywhere from the very next scan. Whoever is inside already stays inside.',
    done: 'Revoked',
    isDangerous: true,
    when: (status) => status !== 'revoked',
    fields: [reason],
  },
  {
    name: 'erase',
    label: 'Erase the person',
    what: 'The name, the address and the note of the ticket are erased for good, here and wherever we keep them. The ticket stays good and the counts stay right. This cannot be taken back.',
    done: 'The person is erased',
    isDangerous: true,
    role: 'organiser',
    when: () => true,
    fields: [
      {
        name: 'booking',
        label: 'Erase the person of the booking too',
        kind: 'check',
        hint: 'For every ticket of that booking.',
      },
    ],
  },
]

function Actions({ ticket, reload }: { ticket: Ticket; reload: () => void }) {
  const { path } = useEvent()
  const asked = useSignal<Action | null>(null)
  const base = `${path}/tickets/${ticket.id}`
  const run = async ({ name, done }: Action, values: Values) => settle(await send(base, name, values), reload, done)
  const shown = actions.filter((action) => action.when(ticket.status) && may(action.role ?? 'supervisor'))
  return (
    <div class="actions">
      {shown.map((action) => (
        <button
          key={action.name}
          type="button"
          class={action.isDangerous ? 'danger' : ''}
          onClick={() => {
            asked.value = action
          }}
        >
          {action.label}
        </button>
      ))}
      {asked.value && (
        <Confirm
          title={`${asked.value.label}: ${nameOf(ticket)}`}
          action={asked.value.label}
          isDangerous={asked.value.isDangerous ?? false}
          fields={asked.value.fields ?? []}
          onConfirm={(values) => run(asked.value as Action, values)}
          onClose={() => {
            asked.value = null
          }}
        >
          <p>{asked.value.what}</p>
        </Confirm>
      )}
    </div>
  )
}

function send(base: string, name: Action['name'], values: Values): Promise<Answer<unknown>> {
  if (name === 'erase') return call('DELETE', `${base}/holder?booking=${values.booking === true}`)
  const body = { reason: textIn(values, 'reason'), ...(name === 'reissue' ? { newLink: values.newLink === true } : {}) }
  return post(`${base}/${name}`, body)
}
