import { useSignal } from '@preact/signals'
import { patch, post } from '../api.ts'
import { useEvent } from '../event.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { type FieldSpec, Form, instantIn, numberIn, textIn, type Values } from '../manage/form.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import type { EventDetails, Zone } from '../things.ts'
import { localAt, timezonesByRegion } from '../times.ts'
import { moment, words } from '../words/language.ts'

/** Everything an event can be told, each with what it means. */
export default function SettingsScreen() {
  const { event, home } = useEvent()
  return (
    <>
      <Heading title="Settings" of={event.title} />
      <nav class="actions" aria-label="More settings">
        <Link to={`${home}/code-formats`} class="button">
          Code formats
        </Link>
        <Link to={`${home}/webhooks`} class="button">
          Webhooks
        </Link>
        <Link to={`/organisations/${event.organisationId}/keys`} class="button">
          Keys of the organisation
        </Link>
        <Link to={`/organisations/${event.organisationId}/members`} class="button">
          {words.value.members.title}
        </Link>
      </nav>
      <Part title="The event" fields={eventFields} initial={eventValues(event)} bodyOf={eventBody} />
      <Zones />
      <Part title="What the doors do" fields={policyFields} initial={policyValues(event)} bodyOf={policyBody} />
      <Part
        title="Limits of a device"
        why="They keep a broken or stolen device from doing harm. Organisers and their systems are not bound by them."
        fields={limitFields}
        initial={Object.fromEntries(Object.entries(event.limits).map(([name, value]) => [name, String(value)]))}
        bodyOf={(values) => ({
          limits: Object.fromEntries(limitFields.map(({ name }) => [name, numberIn(values, name) ?? ''])),
        })}
      />
      <Closing />
    </>
  )
}

type PartProps = {
  title: string
  why?: string
  fields: readonly FieldSpec[]
  initial: Values
  bodyOf: (values: Values, timezone: string) => object
}

function Part({ title, why, fields, initial, bodyOf }: PartProps) {
  const { event, path, set } = useEvent()
  const save = async (values: Values) =>
    settle(
      await patch<{ event: EventDetails }>(path, bodyOf(values, event.timezone)),
      (changed) => set(changed.event),
      'Saved',
    )
  return (
    <section class="card panel" aria-label={title}>
      <h2>{title}</h2>
      {why && <p class="dim">{why}</p>}
      <Form fields={fields} initial={initial} action="Save" submit={save} />
    </section>
  )
}

const eventFields: readonly FieldSpec[] = [
  { name: 'title', label: 'Title', kind: 'text', hint: 'As it stands on the tickets and on every scanner.' },
  { name: 'startsAt', label: 'Doors open', kind: 'instant', hint: 'The curve of arrivals begins here.' },
  {
    name: 'endsAt',
    label: 'Ends',
    kind: 'instant',
    hint: 'Scans are taken afterwards too, until you close the event.',
  },
  {
    name: 'timezone',
    label: 'Time zone',
    kind: 'select',
    hint: 'All times of this event are told in this zone, and a day begins and ends in it.',
    options: timezonesByRegion().flatMap(([, zones]) => zones.map((zone) => ({ value: zone, label: zone }))),
  },
  { name: 'location', label: 'Place', kind: 'text', isOptional: true, hint: 'Shown on the ticket’s page.' },
  {
    name: 'capacity',
    label: 'Capacity',
    kind: 'number',
    isOptional: true,
    hint: 'How many people may be inside at once. Empty: no limit. With several zones, give each its own.',
  },
]

function eventValues({ title, startsAt, endsAt, timezone, location, capacity }: EventDetails): Values {
  return {
    title,
    startsAt: localAt(startsAt, timezone),
    endsAt: localAt(endsAt, timezone),
    timezone,
    location: location ?? '',
    capacity: capacity === null ? '' : String(capacity),
  }
}

function eventBody(values: Values): object {
  // In the zone that is chosen, not the one that was.
  const timezone = String(values.timezone)
  return {
    title: textIn(values, 'title') ?? '',
    startsAt: instantIn(values, 'startsAt', timezone) ?? '',
    endsAt: instantIn(values, 'endsAt', timezone) ?? '',
    timezone,
    location: textIn(values, 'location'),
    capacity: numberIn(values, 'capacity'),
  }
}

const policyFields: readonly FieldSpec[] = [
  {
    name: 'offline',
    asked: 'policy.offline',
    label: 'When a gate has no network',
    kind: 'select',
    hint: 'Let in: the line goes on, a double entry across cut-off gates is possible and always shown. Never twice: each gate admits only its own share alone. Nobody: without a network nobody comes in.',
    options: [
      { value: 'admit', label: 'Let genuine tickets in' },
      { value: 'strict', label: 'Never twice' },
      { value: 'never', label: 'Let nobody in' },
    ],
  },
  {
    name: 'full',
    asked: 'policy.full',
    label: 'When a zone is full',
    kind: 'select',
    hint: 'Refuse until somebody has left, or let in and send an alert.',
    options: [
      { value: 'stop', label: 'Refuse' },
      { value: 'warn', label: 'Let in and warn' },
    ],
  },
  {
    name: 'maxEntries',
    asked: 'policy.maxEntries',
    label: 'Entries per ticket',
    kind: 'number',
    isOptional: true,
    hint: 'How often one ticket may let in over the whole event, where coming in again is allowed. Empty: as often as its zone says.',
  },
  {
    name: 'entriesPerDay',
    asked: 'policy.entriesPerDay',
    label: 'Entries per ticket and day',
    kind: 'number',
    isOptional: true,
    hint: 'The same for each day in the time zone of the event.',
  },
  {
    name: 'minMinutesBetween',
    asked: 'policy.minMinutesBetween',
    label: 'Minutes between two entries',
    kind: 'number',
    isOptional: true,
    hint: 'A ticket that was handed back over the fence is refused as “too soon”.',
  },
  {
    name: 'rotatingCodes',
    asked: 'policy.rotatingCodes',
    label: 'Codes that change all the time',
    kind: 'check',
    hint: 'The ticket’s page shows a code that is good for half a minute, so that screenshots are worth nothing. Paper tickets cannot be used then.',
  },
]

function policyValues({ policy }: EventDetails): Values {
  const { maxEntries, entriesPerDay, minMinutesBetween } = policy
  return {
    offline: policy.offline,
    full: policy.full,
    maxEntries: maxEntries === null ? '' : String(maxEntries),
    entriesPerDay: entriesPerDay === null ? '' : String(entriesPerDay),
    minMinutesBetween: minMinutesBetween === null ? '' : String(minMinutesBetween),
    rotatingCodes: policy.rotatingCodes,
  }
}

function policyBody(values: Values): object {
  return {
    policy: {
      offline: values.offline,
      full: values.full,
      maxEntries: numberIn(values, 'maxEntries'),
      entriesPerDay: numberIn(values, 'entriesPerDay'),
      minMinutesBetween: numberIn(values, 'minMinutesBetween'),
      rotatingCodes: values.rotatingCodes === true,
    },
  }
}

const limitFields: readonly FieldSpec[] = [
  limit('scansPerMinute', 'Scans a minute', 'More in the long run are refused for a moment. A quick steward does 30.'),
  limit('scanBurst', 'Scans at once', 'So many may come one right after the other, as after a pause.'),
  limit('callsPerMinute', 'Other calls a minute', 'Searching, selling, opening a shift.'),
  limit(
    'syncsPerFiveMinutes',
    'Batches in five minutes',
    'How often a device may send what it decided without network.',
  ),
  limit('reportsPerMinute', 'Reports a minute', 'Statistics and reports that a device may ask for.'),
  limit(
    'invalidCodesPerFiveMinutes',
    'Wrong codes in five minutes',
    'More than so many codes that are no ticket block the device: somebody may be trying codes out.',
  ),
  limit('blockMinutes', 'Minutes that it stays blocked', 'A supervisor can unblock it sooner, on the page of devices.'),
  limit('duplicatesPerFiveMinutes', 'Duplicates in five minutes', 'More than so many at one device raise an alert.'),
]

function limit(name: string, label: string, hint: string): FieldSpec {
  return { name, asked: `limits.${name}`, label, hint, kind: 'number' }
}

/** The places whose entries are counted on their own. */
function Zones() {
  const { event, path, set } = useEvent()
  const zones = useSignal<Zone[]>(event.zones)
  const fields = zones.value.flatMap((zone, i) => zoneFields(i, zone))
  const add = () => {
    const id = `zone-${zones.value.length + 1}`
    zones.value = [...zones.value, { id, name: '', capacity: null, reentry: 'none', everyoneOutAt: null }]
  }
  const save = async (values: Values) =>
    settle(
      await patch<{ event: EventDetails }>(path, { zones: zones.value.map((_, i) => zoneBody(values, i)) }),
      (changed) => set(changed.event),
      'Saved',
    )
  return (
    <section class="card panel" aria-label="Zones">
      <h2>Zones</h2>
      <p class="dim">
        A zone is a place whose entries are counted on their own: the hall, a lounge, the backstage. Most events have
        one. A zone that a gate leads into cannot be taken away.
      </p>
      {/* A new zone makes a new form, which begins with what was saved. */}
      <Form
        key={zones.value.length}
        fields={fields}
        initial={Object.assign({}, ...zones.value.map((zone, i) => zoneValues(zone, i)))}
        action="Save"
        submit={save}
      />
      <div class="actions">
        <button type="button" onClick={add}>
          <Icon name="plus" />
          Add a zone
        </button>
        {zones.value.length > 1 && (
          <button
            type="button"
            class="plain"
            onClick={() => {
              zones.value = zones.value.slice(0, -1)
            }}
          >
            Take the last one away
          </button>
        )}
      </div>
    </section>
  )
}

function zoneFields(i: number, zone: Zone): FieldSpec[] {
  return [
    { name: `${i} heading`, label: zone.name || 'New zone', kind: 'heading' },
    {
      name: `${i} id`,
      asked: `zones.${i}.id`,
      label: 'Id',
      kind: 'text',
      hint: 'Your own word for it. Gates and ticket types name it.',
    },
    { name: `${i} name`, asked: `zones.${i}.name`, label: 'Name', kind: 'text' },
    {
      name: `${i} capacity`,
      asked: `zones.${i}.capacity`,
      label: 'Room for',
      kind: 'number',
      isOptional: true,
      hint: 'How many people may be in it at once. Empty: no limit.',
    },
    {
      name: `${i} reentry`,
      asked: `zones.${i}.reentry`,
      label: 'Coming in again',
      kind: 'select',
      hint: 'Whether a ticket that has let in does so again.',
      options: [
        { value: 'none', label: 'One entry only' },
        { value: 'after_exit', label: 'Again after going out' },
        { value: 'unlimited', label: 'As often as they like' },
      ],
    },
    {
      name: `${i} everyoneOutAt`,
      asked: `zones.${i}.everyoneOutAt`,
      label: 'Everybody is out at',
      kind: 'time',
      isOptional: true,
      hint: 'At this time of each day everybody is taken to have left, so that the next day begins with an empty place.',
    },
  ]
}

function zoneValues(zone: Zone, i: number): Values {
  return {
    [`${i} id`]: zone.id,
    [`${i} name`]: zone.name,
    [`${i} capacity`]: zone.capacity === null ? '' : String(zone.capacity),
    [`${i} reentry`]: zone.reentry,
    [`${i} everyoneOutAt`]: zone.everyoneOutAt ?? '',
  }
}

function zoneBody(values: Values, i: number): object {
  return {
    id: textIn(values, `${i} id`) ?? '',
    name: textIn(values, `${i} name`) ?? '',
    capacity: numberIn(values, `${i} capacity`),
    reentry: values[`${i} reentry`],
    everyoneOutAt: textIn(values, `${i} everyoneOutAt`),
  }
}

function Closing() {
  const { event, path, set } = useEvent()
  const isAsked = useSignal(false)
  const close = async () =>
    settle(await post<{ event: EventDetails }>(`${path}/close`), (closed) => set(closed.event), 'The event is closed.')
  return (
    <section class="card panel" aria-label="Close the event">
      <h2>Close the event</h2>
      {event.closedAt ? (
        <p>Closed since {moment(event.closedAt, event.timezone)}. Scans are refused and logged.</p>
      ) : (
        <>
          <p class="dim">When it is over. Reports and exports stay.</p>
          <div class="actions">
            <button
              type="button"
              class="danger"
              onClick={() => {
                isAsked.value = true
              }}
            >
              Close the event
            </button>
          </div>
        </>
      )}
      {isAsked.value && (
        <Confirm
          title={`Close ${event.title}`}
          action="Close the event"
          isDangerous
          onConfirm={close}
          onClose={() => {
            isAsked.value = false
          }}
        >
          <p>
            From the very next scan nobody is let in any more, at any gate. Late scans are logged as refused.{' '}
            <strong>This cannot be taken back.</strong>
          </p>
        </Confirm>
      )}
    </section>
  )
}
