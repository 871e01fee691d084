import { useSignal } from '@preact/signals'
import { daysOf, defaultRetention, type Forgetting, forgettingAt, forgettings } from '../../../core/retention.ts'
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

const t = words.value.settings

/** Everything an event can be told, each with what it means. */
export default function SettingsScreen() {
  const { event, home } = useEvent()
  return (
    <>
      <Heading title={t.settings} of={event.title} />
      <nav class="actions" aria-label={t.moreSettings}>
        <Link to={`${home}/code-formats`} class="button">
          {t.codeFormats}
        </Link>
        <Link to={`${home}/webhooks`} class="button">
          {t.webhooks}
        </Link>
        <Link to={`/organisations/${event.organisationId}/keys`} class="button">
          {t.keysOfTheOrganisation}
        </Link>
        <Link to={`/organisations/${event.organisationId}/members`} class="button">
          {words.value.members.title}
        </Link>
      </nav>
      <Part title={t.theEvent} fields={eventFields} initial={eventValues(event)} bodyOf={eventBody} />
      <Zones />
      <Part title={t.whatTheDoorsDo} fields={policyFields} initial={policyValues(event)} bodyOf={policyBody} />
      <Part
        title={t.limitsOfADevice}
        why={t.theyKeepABroken}
        fields={limitFields}
        initial={Object.fromEntries(Object.entries(event.limits).map(([name, value]) => [name, String(value)]))}
        bodyOf={(values) => ({
          limits: Object.fromEntries(limitFields.map(({ name }) => [name, numberIn(values, name) ?? ''])),
        })}
      />
      <Keeping />
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
      t.saved,
    )
  return (
    <section class="card panel" aria-label={title}>
      <h2>{title}</h2>
      {why && <p class="dim">{why}</p>}
      <Form fields={fields} initial={initial} action={t.save} submit={save} />
    </section>
  )
}

const eventFields: readonly FieldSpec[] = [
  { name: 'title', label: t.title, kind: 'text', hint: t.asItStandsOn },
  { name: 'startsAt', label: t.doorsOpen, kind: 'instant', hint: t.theCurveOfArrivals },
  {
    name: 'endsAt',
    label: t.ends,
    kind: 'instant',
    hint: t.scansAreTakenAfterwards,
  },
  {
    name: 'timezone',
    label: t.timeZone,
    kind: 'select',
    hint: t.allTimesOfThis,
    options: timezonesByRegion().flatMap(([, zones]) => zones.map((zone) => ({ value: zone, label: zone }))),
  },
  { name: 'location', label: t.place, kind: 'text', isOptional: true, hint: t.shownOnTheTickets },
  {
    name: 'capacity',
    label: t.capacity,
    kind: 'number',
    isOptional: true,
    hint: t.howManyPeopleMay,
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
    label: t.whenAGateHas,
    kind: 'select',
    hint: t.letInTheLine,
    options: [
      { value: 'admit', label: t.letGenuineTicketsIn },
      { value: 'strict', label: t.neverTwice },
      { value: 'never', label: t.letNobodyIn },
    ],
  },
  {
    name: 'aloneHours',
    asked: 'policy.aloneHours',
    label: t.hoursWithoutNetwork,
    kind: 'number',
    hint: t.aGateThatHeard,
  },
  {
    name: 'full',
    asked: 'policy.full',
    label: t.whenAZoneIs,
    kind: 'select',
    hint: t.refuseUntilSomebodyHas,
    options: [
      { value: 'stop', label: t.refuse },
      { value: 'warn', label: t.letInAndWarn },
    ],
  },
  {
    name: 'maxEntries',
    asked: 'policy.maxEntries',
    label: t.entriesPerTicket,
    kind: 'number',
    isOptional: true,
    hint: t.howOftenOneTicket,
  },
  {
    name: 'entriesPerDay',
    asked: 'policy.entriesPerDay',
    label: t.entriesPerTicketAnd,
    kind: 'number',
    isOptional: true,
    hint: t.theSameForEach,
  },
  {
    name: 'minMinutesBetween',
    asked: 'policy.minMinutesBetween',
    label: t.minutesBetweenTwoEntries,
    kind: 'number',
    isOptional: true,
    hint: t.aTicketThatWas,
  },
  {
    name: 'rotatingCodes',
    asked: 'policy.rotatingCodes',
    label: t.codesThatChangeAll,
    kind: 'check',
    hint: t.theTicketsPageShows,
  },
]

function policyValues({ policy }: EventDetails): Values {
  const { maxEntries, entriesPerDay, minMinutesBetween } = policy
  return {
    offline: policy.offline,
    aloneHours: String(policy.aloneHours),
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
      aloneHours: numberIn(values, 'aloneHours') ?? undefined,
      full: values.full,
      maxEntries: numberIn(values, 'maxEntries'),
      entriesPerDay: numberIn(values, 'entriesPerDay'),
      minMinutesBetween: numberIn(values, 'minMinutesBetween'),
      rotatingCodes: values.rotatingCodes === true,
    },
  }
}

const limitFields: readonly FieldSpec[] = [
  limit('scansPerMinute', t.scansAMinute, t.moreInTheLong),
  limit('scanBurst', t.scansAtOnce, t.soManyMayCome),
  limit('callsPerMinute', t.otherCallsAMinute, t.searchingSellingOpeningA),
  limit('syncsPerFiveMinutes', t.batchesInFiveMinutes, t.howOftenADevice),
  limit('reportsPerMinute', t.reportsAMinute, t.statisticsAndReportsThat),
  limit('invalidCodesPerFiveMinutes', t.wrongCodesInFive, t.moreThanSoMany),
  limit('blockMinutes', t.minutesThatItStays, t.aSupervisorCanUnblock),
  limit('duplicatesPerFiveMinutes', t.duplicatesInFiveMinutes, t.moreThanSoMany2),
]

function limit(name: string, label: string, hint: string): FieldSpec {
  return { name, asked: `limits.${name}`, label, hint, kind: 'number' }
}

/** How long what the event knows is kept. Each field says until when that is, or since when it is gone. */
function Keeping() {
  const { event } = useEvent()
  return (
    <Part
      title={t.howLongThingsAre}
      why={t.whatIsNotNeeded}
      fields={forgettings.map((what) => keepingField(event, what))}
      initial={Object.fromEntries(Object.entries(event.retention).map(([name, days]) => [name, String(days)]))}
      bodyOf={(values) => ({
        retention: Object.fromEntries(forgettings.map((what) => [daysOf[what], numberIn(values, daysOf[what]) ?? ''])),
      })}
    />
  )
}

const kept = {
  people: { label: t.daysPeopleAreKept, hint: t.namesAddressesAnd },
  devices: { label: t.daysDevicesAre, hint: t.whatDevicesAre },
  log: { label: t.daysTheLogIs, hint: t.everyScanAndWhere },
}

function keepingField({ endsAt, retention, timezone, forgotten }: EventDetails, what: Forgetting): FieldSpec {
  const name = daysOf[what]
  const { label, hint } = kept[what]
  const goneAt = Date.parse(forgotten[what] ?? '')
  const dueAt = forgettingAt({ endsAt: Date.parse(endsAt), retention }, what)
  // An event that was moved to a later day is forgotten once more.
  const when = goneAt >= dueAt ? t.wentOn(moment(goneAt, timezone)) : t.goesOn(moment(dueAt, timezone))
  return { name, asked: `retention.${name}`, label, hint: `${hint(defaultRetention[name])} ${when}`, kind: 'number' }
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
      t.saved,
    )
  return (
    <section class="card panel" aria-label={t.zones}>
      <h2>{t.zones}</h2>
      <p class="dim">{t.aZoneIsA}</p>
      {/* A new zone makes a new form, which begins with what was saved. */}
      <Form
        key={zones.value.length}
        fields={fields}
        initial={Object.assign({}, ...zones.value.map((zone, i) => zoneValues(zone, i)))}
        action={t.save}
        submit={save}
      />
      <div class="actions">
        <button type="button" onClick={add}>
          <Icon name="plus" />
          {t.addAZone}
        </button>
        {zones.value.length > 1 && (
          <button
            type="button"
            class="plain"
            onClick={() => {
              zones.value = zones.value.slice(0, -1)
            }}
          >
            {t.takeTheLastOne}
          </button>
        )}
      </div>
    </section>
  )
}

function zoneFields(i: number, zone: Zone): FieldSpec[] {
  return [
    { name: `${i} heading`, label: zone.name || t.newZone, kind: 'heading' },
    {
      name: `${i} id`,
      asked: `zones.${i}.id`,
      label: t.id,
      kind: 'text',
      hint: t.yourOwnWordFor,
    },
    { name: `${i} name`, asked: `zones.${i}.name`, label: t.name, kind: 'text' },
    {
      name: `${i} capacity`,
      asked: `zones.${i}.capacity`,
      label: t.roomFor,
      kind: 'number',
      isOptional: true,
      hint: t.howManyPeopleMay2,
    },
    {
      name: `${i} reentry`,
      asked: `zones.${i}.reentry`,
      label: t.comingInAgain,
      kind: 'select',
      hint: t.whetherATicketThat,
      options: [
        { value: 'none', label: t.oneEntryOnly },
        { value: 'after_exit', label: t.againAfterGoingOut },
        { value: 'unlimited', label: t.asOftenAsThey },
      ],
    },
    {
      name: `${i} everyoneOutAt`,
      asked: `zones.${i}.everyoneOutAt`,
      label: t.everybodyIsOutAt,
      kind: 'time',
      isOptional: true,
      hint: t.atThisTimeOf,
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
    settle(await post<{ event: EventDetails }>(`${path}/close`), (closed) => set(closed.event), t.theEventIsClosed)
  return (
    <section class="card panel" aria-label={t.closeTheEvent}>
      <h2>{t.closeTheEvent}</h2>
      {event.closedAt ? (
        <p>
          {t.closedSince}
          {moment(event.closedAt, event.timezone)}
          {t.scansAreRefusedAnd}
        </p>
      ) : (
        <>
          <p class="dim">{t.whenItIsOver}</p>
          <div class="actions">
            <button
              type="button"
              class="danger"
              onClick={() => {
                isAsked.value = true
              }}
            >
              {t.closeTheEvent}
            </button>
          </div>
        </>
      )}
      {isAsked.value && (
        <Confirm
          title={t.closeThis(event.title)}
          action={t.closeTheEvent}
          isDangerous
          onConfirm={close}
          onClose={() => {
            isAsked.value = false
          }}
        >
          <p>
            {t.fromTheVeryNext} <strong>{t.thisCannotBeTaken}</strong>
          </p>
        </Confirm>
      )}
    </section>
  )
}
