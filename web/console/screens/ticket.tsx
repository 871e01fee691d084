import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { type Answer, call, post } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet, useWhole } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { entryColumns } from '../manage/entry-columns.tsx'
import { type FieldSpec, textIn, type Values } from '../manage/form.tsx'
import type { Ticket, TicketStatus, TicketType, TicketWithScans } from '../manage/things.ts'
import { nameIn } from '../names.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import type { ScreenProps } from '../routes.ts'
import { may } from '../session.ts'
import { moment, number, words } from '../words/language.ts'
import { nameOf, StatusTag } from './tickets.tsx'

const t = words.value.ticket

/** One ticket: whose it is, its code, where it stands, all its scans, and what can be done about it. */
export default function TicketScreen({ params }: ScreenProps) {
  const { path, home } = useEvent()
  const loaded = useGet<{ ticket: TicketWithScans }>(`${path}/tickets/${encodeURIComponent(params.ticketId ?? '')}`)
  return (
    <>
      <Link to={`${home}/tickets`} class="back">
        <Icon name="back" />
        {t.tickets}
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
          {t.refresh}
        </button>
      </Heading>
      <Actions ticket={ticket} reload={reload} />
      <div class="panels">
        <section class="card panel">
          <h2>{t.ticket}</h2>
          <Facts ticket={ticket} />
        </section>
        <section class="card panel">
          <h2>{t.code}</h2>
          {event.policy.rotatingCodes ? (
            <p>{t.theCodesOfThis}</p>
          ) : (
            <img class="qr" src={ticket.qr.svg} alt={t.qrCodeOf(nameOf(ticket))} width="240" height="240" />
          )}
          <div class="actions">
            <a class="button" href={ticket.url} target="_blank" rel="noreferrer">
              {t.openTheTicketsPage}
            </a>
            <CopyButton text={ticket.url} what={t.copyItsLink} />
          </div>
        </section>
      </div>
      <section class="group">
        <h2>{t.whereItStands}</h2>
        <Standings ticket={ticket} />
      </section>
      <section class="group">
        <h2>{t.scans}</h2>
        {ticket.scans.length === 0 ? (
          <Empty icon="clock" title={t.neverScanned} />
        ) : (
          <Table
            stacks
            caption={t.scansOfThisTicket}
            columns={entryColumns({ timezone: event.timezone, home, withTicket: false })}
            items={ticket.scans.toSorted((a, b) => b.seq - a.seq)}
            keyOf={({ id }) => id}
          />
        )}
        {ticket.scans.length === 100 && <Link to={`${home}/entries?ticket=${ticket.id}`}>{t.theNewest100Are}</Link>}
      </section>
    </>
  )
}

function Facts({ ticket }: { ticket: Ticket }) {
  const { event, path } = useEvent()
  const types = useWhole<TicketType>(`${path}/ticket-types`)
  const { holder, booking, validFrom, validUntil } = ticket
  const facts: [string, ComponentChildren][] = [
    [t.holder, holder.name ?? '–'],
    [t.eMail, holder.email ?? '–'],
    [t.type, nameIn(types.value?.items, ticket.type)],
    [t.letsIn, `${number(ticket.admits)} ${ticket.admits === 1 ? 'person' : 'people'}`],
    [t.shortCode, <code key="code">{ticket.shortCode}</code>],
    [t.reference, ticket.reference ?? '–'],
    [t.booking, booking ? [booking.id, booking.name, booking.email].filter(Boolean).join(', ') : '–'],
    ...(booking?.quantity ? [[t.ticketsInIt, number(booking.quantity)] as [string, string]] : []),
    [t.validFrom, validFrom ? moment(validFrom, event.timezone) : t.asItsType],
    [t.validUntil, validUntil ? moment(validUntil, event.timezone) : t.asItsType],
    [t.note, ticket.note ?? '–'],
    [t.id, <code key="id">{ticket.id}</code>],
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
  if (known.length === 0) return <p>{t.nobodyHasComeIn}</p>
  return (
    <Table
      caption={t.whereTheTicketStands}
      keyOf={({ zone }) => zone}
      items={known}
      columns={[
        { title: t.zone, cell: ({ zone }) => nameIn(event.zones, zone) },
        { title: t.inside, isNumber: true, cell: ({ inside }) => inside },
        { title: t.entries, isNumber: true, cell: ({ entries }) => entries },
        { title: t.exits, isNumber: true, cell: ({ exits }) => exits },
        { title: t.first, cell: ({ firstAt }) => (firstAt ? moment(firstAt, event.timezone) : '–') },
        { title: t.last, cell: ({ lastAt }) => (lastAt ? moment(lastAt, event.timezone) : '–') },
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
  label: t.reason,
  kind: 'text',
  isOptional: true,
  hint: t.shownToTheSteward,
}

const actions: readonly Action[] = [
  {
    name: 'pay',
    label: t.markAsPaid,
    what: t.theTicketIsTaken,
    done: t.markedAsPaid,
    when: (status) => status === 'unpaid',
  },
  {
    name: 'restore',
    label: t.restore,
    what: t.theTicketLetsIn,
    done: t.restored,
    when: (status) => status === 'revoked' || status === 'blocked',
  },
  {
    name: 'block',
    label: t.putOnHold,
    what: t.theTicketIsRefused,
    done: t.onHold,
    when: (status) => status === 'valid' || status === 'unpaid',
    fields: [reason],
  },
  {
    name: 'reissue',
    label: t.reissue,
    what: t.aNewCodeIs,
    done: t.aNewCodeIs2,
    isDangerous: true,
    when: (status) => status !== 'revoked',
    fields: [
      reason,
      {
        name: 'newLink',
        label: t.makeItsLinkNew,
        kind: 'check',
        hint: t.whereSomebodyElseMay,
      },
    ],
  },
  {
    name: 'revoke',
    label: t.revoke,
    what: t.theTicketIsRefused2,
    done: t.revoked,
    isDangerous: true,
    when: (status) => status !== 'revoked',
    fields: [reason],
  },
  {
    name: 'erase',
    label: t.eraseThePerson,
    what: t.theNameTheAddress,
    done: t.thePersonIsErased,
    isDangerous: true,
    role: 'organiser',
    when: () => true,
    fields: [
      {
        name: 'booking',
        label: t.eraseThePersonOf,
        kind: 'check',
        hint: t.forEveryTicketOf,
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
