import { admitsType } from '../../core/gate.ts'
import { type Finding, failure, pass, warning } from '../findings.ts'
import type { Facts, KnownDevice } from './facts.ts'

const MINUTE_MS = 60_000
/** A clock that is a little wrong is seen by nobody; one that is half a minute wrong makes a device's times worth little. */
const SKEW_MS = { warning: 2000, failure: 30_000 }
const SNAPSHOT_MS = 5 * MINUTE_MS
const AWAY_MS = 10 * MINUTE_MS
const BATTERY = 0.3
/** A lane with one steward: 500 people an hour is the upper end of what venues measure. */
const PEOPLE_A_LANE = 500 / 60
/** Everybody should be in within this time, once they come. */
const IN_WITHIN_MINUTES = 60
/** A steward in a hurry scans once in three seconds. */
const SCANS_A_MINUTE = 20

/** Takes what was looked at; gives what it says of whether the doors may open, in the order of a walk to them. */
export function findingsOf(facts: Facts): Finding[] {
  return [
    server(facts),
    clock(facts),
    event(facts),
    tickets(facts),
    gates(facts),
    ...waysIn(facts),
    staff(facts),
    ...devices(facts),
    throughput(facts),
    limits(facts),
    images(facts),
    codes(facts),
    keys(facts),
    reports(facts),
    jobs(facts),
    webhooks(facts),
    alerts(facts),
    log(facts),
    unseen(facts),
  ].filter((finding) => finding !== null)
}

function server({ health: { version, components } }: Facts): Finding {
  const down = Object.keys(components).filter((name) => components[name] !== 'operational')
  if (down.length === 0) return pass('server', `version ${version}, all of it operational`)
  const found = `${down.join(', ')} cannot be reached`
  if (down.includes('gatekeeper'))
    return failure('server', found, 'Nobody can be judged. Look at the platform’s status page.')
  return warning(
    'server',
    found,
    'Entry does not depend on it; reports or images do. Look at the platform’s status page.',
  )
}

function clock({ skewMs }: Facts): Finding {
  const found = `this computer is ${seconds(Math.abs(skewMs))} ${skewMs < 0 ? 'behind' : 'ahead of'} the server`
  if (Math.abs(skewMs) <= SKEW_MS.warning) return pass('clock', found)
  const advice = 'Have this computer set its clock by the network.'
  return Math.abs(skewMs) > SKEW_MS.failure ? failure('clock', found, advice) : warning('clock', found, advice)
}

function event({ event: { title, startsAt, endsAt, closedAt, rehearsalOf }, at }: Facts): Finding {
  if (closedAt !== null)
    return failure('event', `${title} was closed`, 'Every scan is refused. A closed event stays closed.')
  if (at > Date.parse(endsAt)) return failure('event', `${title} is over`, 'Set endsAt, where that is not so.')
  if (rehearsalOf !== null)
    return warning('event', `${title} is a rehearsal`, 'Check the event itself: this one is deleted after a day.')
  const minutes = Math.round((Date.parse(startsAt) - at) / MINUTE_MS)
  return pass('event', minutes > 0 ? `${title} begins in ${span(minutes)}` : `${title} has begun`)
}

function tickets({ issued, event: { capacity }, stats }: Facts): Finding {
  const people = issued.reduce((sum, type) => sum + type.people, 0)
  const found = `${count(stats.totalTickets)} tickets for ${count(people)} people`
  if (people === 0) return failure('tickets', 'none were issued', 'Issue them, with admit import for example.')
  if (capacity !== null && people > capacity) {
    return warning(
      'tickets',
      `${found}, and room for ${count(capacity)}`,
      'The last will be refused as full, or the zone alerts: see the policy full.',
    )
  }
  return pass('tickets', found)
}

function gates({ gates }: Facts): Finding {
  const isClosed = (gate: Facts['gates'][number]) => gate.accepts?.length === 0
  const open = gates.filter((gate) => !isClosed(gate) && (gate.kind === 'entry' || gate.kind === 'both'))
  const closed = gates.filter(isClosed).map(({ name }) => name)
  const found = `${open.length} ways in are open${closed.length > 0 ? `; closed: ${names(closed)}` : ''}`
  if (open.length === 0)
    return failure('gates', found, 'Make a gate of the kind entry or both that accepts a ticket type.')
  return pass('gates', found)
}

/** Each ticket type that somebody has needs a gate, and a time in which it is good. */
function waysIn({ gates, types, issued, event: { startsAt, endsAt } }: Facts): Finding[] {
  const held = types.filter(({ id }) => issued.some((type) => type.id === id && type.tickets > 0))
  const shut = held.filter((type) => !gates.some((gate) => gate.kind !== 'checkpoint' && admitsType(gate, type)))
  const late = held.filter(({ validFrom }) => validFrom !== null && Date.parse(validFrom) >= Date.parse(endsAt))
  const past = held.filter(({ validUntil }) => validUntil !== null && Date.parse(validUntil) <= Date.parse(startsAt))
  const said = (found: { name: string }[]) => names(found.map(({ name }) => name))
  const wrong = [
    ...(shut.length > 0
      ? [failure('ways in', `no gate takes ${said(shut)}`, 'Let a gate of one of its zones accept it.')]
      : []),
    ...(late.length > 0
      ? [failure('ways in', `${said(late)} is good only after the end`, 'Set validFrom of the type.')]
      : []),
    ...(past.length > 0
      ? [failure('ways in', `${said(past)} is good only before the beginning`, 'Set validUntil of the type.')]
      : []),
  ]
  return wrong.length > 0 || held.length === 0 ? wrong : [pass('ways in', 'every ticket type that was sold has one')]
}

function staff({ staff }: Facts): Finding | null {
  if (staff === null) return null
  const supervisors = staff.filter(({ role }) => role === 'supervisor').length
  const found = `${count(staff.length)} people, ${count(supervisors)} of them supervisors`
  if (staff.length === 0)
    return failure('staff', 'nobody', 'Devices are enrolled for a member of staff: name those who scan.')
  if (supervisors === 0)
    return warning(
      'staff',
      found,
      'Only a supervisor may let somebody in against a rule, or find a ticket by its name.',
    )
  return pass('staff', found)
}

function devices({ devices: all, gates, event: { policy }, at }: Facts): Finding[] {
  if (all === null) return []
  const devices = all.filter(({ revokedAt }) => revokedAt === null)
  if (devices.length === 0)
    return [failure('devices', 'none is enrolled', 'Enrol them at the console, by a code on the screen.')]
  const away = devices.filter((device) => !device.connected && !isSeen(device, at))
  const here = devices.filter((device) => !away.includes(device))
  const without = gates.filter(({ id, kind, accepts }) => {
    return (
      (kind === 'entry' || kind === 'both') && accepts?.length !== 0 && !devices.some(({ gateId }) => gateId === id)
    )
  })
  const advice = 'Switch them on, with the scanner open, or revoke those that are not used.'
  return [
    away.length === 0
      ? pass('devices', `${count(devices.length)} enrolled, all heard of in the last ${AWAY_MS / MINUTE_MS} minutes`)
      : warning('devices', `${away.length} of ${devices.length} not heard of: ${named(away)}`, advice),
    ...about(
      without,
      ({ name }) => name,
      'gates',
      'no device was enrolled for',
      'A device may scan at any gate; enrol one for it where it is opened.',
    ),
    ...(policy.offline === 'never' ? [] : offline(here, at)),
    ...clocks(here),
    ...about(
      blockedOf(devices, at),
      nameOf,
      'devices',
      'blocked',
      'Unblock them at the console, once you know why they showed so many codes that were none.',
      failure,
    ),
    ...about(
      here.filter(({ pendingScans }) => (pendingScans ?? 0) > 0),
      nameOf,
      'devices',
      'with scans that are not home',
      'Bring them to the network before the doors open.',
    ),
    ...about(
      here.filter(({ battery }) => battery !== null && battery < BATTERY),
      nameOf,
      'devices',
      `below ${100 * BATTERY} % of battery`,
      'Charge them.',
    ),
    ...versions(here),
  ]
}

/** What a device needs that is cut off: the app, keys, and a snapshot of just now. */
function offline(devices: KnownDevice[], at: number): Finding[] {
  const notReady = devices.filter(({ readyOffline }) => readyOffline === false)
  const silent = devices.filter(({ readyOffline }) => readyOffline === null)
  const old = devices.filter(({ snapshotAt }) => snapshotAt !== null && at - Date.parse(snapshotAt) > SNAPSHOT_MS)
  const ready = devices.length - notReady.length - silent.length
  const rest = [
    ...about(
      notReady,
      nameOf,
      'offline',
      'not ready to be cut off',
      'Leave the scanner open on them until it says that it is ready.',
    ),
    ...about(
      silent,
      nameOf,
      'offline',
      'not known to be ready',
      'They speak only HTTP, or were not opened yet: without a network they admit nobody.',
    ),
    ...about(
      old,
      nameOf,
      'snapshots',
      `older than ${SNAPSHOT_MS / MINUTE_MS} minutes`,
      'Open the scanner on them where there is a network.',
    ),
  ]
  return rest.length > 0 ? rest : [pass('offline', `${count(ready)} devices can be cut off and go on`)]
}

function clocks(devices: KnownDevice[]): Finding[] {
  const skewOf = ({ clockSkewMs }: KnownDevice) => Math.abs(clockSkewMs ?? 0)
  const wrong = devices.filter((device) => skewOf(device) > SKEW_MS.warning)
  const worst = Math.max(0, ...devices.map(skewOf))
  if (wrong.length === 0)
    return devices.length === 0 ? [] : [pass('clocks', `devices are at most ${seconds(worst)} wrong`)]
  const tell = worst > SKEW_MS.failure ? failure : warning
  return [
    tell(
      'clocks',
      `wrong by up to ${seconds(worst)}: ${named(wrong)}`,
      'Have them set their clocks by the network: offline scans are ordered by them.',
    ),
  ]
}

function versions(devices: KnownDevice[]): Finding[] {
  const versions = [...new Set(devices.flatMap(({ appVersion }) => appVersion ?? []))]
  if (versions.length < 2) return []
  return [
    warning(
      'versions',
      `devices run ${names(versions)}`,
      'Close the scanner on them and open it again, between scans.',
    ),
  ]
}

function throughput({ devices, issued }: Facts): Finding | null {
  const lanes = devices?.filter(({ revokedAt }) => revokedAt === null).length ?? 0
  const people = issued.reduce((sum, type) => sum + type.people, 0)
  if (lanes === 0 || people === 0) return null
  const minutes = Math.ceil(people / (lanes * PEOPLE_A_LANE))
  const found = `${lanes} lanes take ${span(minutes)} for ${count(people)} people, at ${PEOPLE_A_LANE.toFixed(0)} a minute each`
  if (minutes <= IN_WITHIN_MINUTES) return pass('throughput', found)
  const needed = Math.ceil(people / (IN_WITHIN_MINUTES * PEOPLE_A_LANE))
  return warning(
    'throughput',
    found,
    `${needed} lanes would take an hour: open more, or have people come over a longer time.`,
  )
}

function limits({ event: { limits } }: Facts): Finding {
  const { scansPerMinute, scanBurst } = limits
  const found = `${count(scansPerMinute)} scans a minute for each device, ${count(scanBurst)} at once`
  if (scansPerMinute >= SCANS_A_MINUTE && scanBurst >= 5) return pass('limits', found)
  return warning(
    'limits',
    found,
    `A steward in a hurry scans ${SCANS_A_MINUTE} times a minute: raise the event’s limits.`,
  )
}

function images({ images, stats, event: { policy } }: Facts): Finding | null {
  if (images === null) return null
  if (policy.rotatingCodes) return pass('images', 'codes rotate, so that none is kept')
  const found = `${count(images.cached)} images of ${count(stats.totalTickets)} tickets are kept`
  if (images.cached >= stats.totalTickets) return pass('images', found)
  return warning(
    'images',
    found,
    'admit warm draws them before they are asked for; what is missing is drawn when it is.',
  )
}

function codes({ code }: Facts): Finding | null {
  switch (code) {
    case null:
    case 'no_tickets':
      return null
    case 'opened':
      return pass('codes', 'a ticket’s code was opened with what devices are given')
    case 'unreadable':
    case 'wrong_event':
    case 'forged':
      return failure(
        'codes',
        `a ticket’s own code is ${code.replace('_', ' ')}`,
        'Was TICKET_KEY changed? The one before must stay beside it.',
      )
  }
}

function keys({ keys, event: { endsAt }, at }: Facts): Finding | null {
  if (keys === null) return null
  const good = keys.filter(
    ({ revokedAt, expiresAt }) => revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > at),
  )
  const ending = good.filter(({ expiresAt }) => expiresAt !== null && expiresAt < endsAt).map(({ name }) => name)
  if (ending.length === 0) return pass('keys', `${count(good.length)} good until the end of the event`)
  return warning(
    'keys',
    `${names(ending)} expires before the end`,
    'Make another one, and give it to whoever uses this one.',
  )
}

function reports({ stats: { totalEntries, pendingEntries, lagMs } }: Facts): Finding {
  if (totalEntries === null)
    return warning('reports', 'their database cannot be reached', 'Entry goes on; look at the platform’s status page.')
  const found = pendingEntries === 0 ? 'up to date' : `${seconds(lagMs)} and ${count(pendingEntries)} entries behind`
  if (lagMs <= MINUTE_MS) return pass('reports', found)
  return warning('reports', found, 'Entry goes on. Look at the server’s logs for what the database says.')
}

function jobs({ jobs, at }: Facts): Finding | null {
  if (jobs === null) return null
  const recent = jobs.filter(({ createdAt }) => at - Date.parse(createdAt) < 24 * 60 * MINUTE_MS)
  const open = recent.filter(({ state }) => state === 'queued' || state === 'running')
  const broken = recent.filter(({ state, failed }) => state === 'failed' || failed > 0)
  if (broken.length > 0) {
    const found = broken.map(({ kind, failed }) => `${kind} with ${count(failed)} failed`).join(', ')
    return warning('jobs', found, 'See what failed: errors.csv of the job, or the import’s screen of the console.')
  }
  if (open.length === 0) return pass('jobs', 'none under way')
  return warning('jobs', `${names(open.map(({ kind }) => kind))} under way`, 'Wait until they are done.')
}

function webhooks({ webhooks }: Facts): Finding | null {
  if (webhooks === null || webhooks.length === 0) return null
  const bad = webhooks.filter(({ state }) => state !== 'active')
  if (bad.length === 0) return pass('webhooks', `${count(webhooks.length)}, all of them answer`)
  const found = bad.map(({ id, state }) => `${id} is ${state}`).join(', ')
  return warning('webhooks', found, 'Mend the endpoint, then send it a test; what failed can be replayed.')
}

function alerts({ alerts, at }: Facts): Finding | null {
  if (alerts === null) return null
  const recent = alerts.filter((alert) => at - Date.parse(alert.at) < 60 * MINUTE_MS)
  if (recent.length === 0) return pass('alerts', 'none in the last hour')
  const kinds = [...Map.groupBy(recent, ({ kind }) => kind)].map(([kind, of]) => `${of.length} × ${kind}`)
  return warning('alerts', `in the last hour ${kinds.join(', ')}`, 'Look at them in the console or with admit monitor.')
}

function log({ integrity: { ok, checked, discrepancies } }: Facts): Finding {
  if (ok) return pass('log', `${count(checked.entries)} entries, every invariant holds`)
  return failure('log', `${discrepancies.length} discrepancies`, 'See admit integrity.')
}

/** What was not looked at is no good news. */
function unseen({ staff, devices, images, code, keys, jobs, webhooks, alerts }: Facts): Finding | null {
  const left = Object.entries({ staff, devices, images, code, keys, jobs, webhooks, alerts })
    .filter(([, seen]) => seen === null)
    .map(([name]) => name)
  if (left.length === 0) return null
  return warning('not seen', left.join(', '), 'This key may not see them: check with the key of an organiser.')
}

function about<T>(
  found: readonly T[],
  nameOf: (one: T) => string,
  what: string,
  state: string,
  advice: string,
  tell: typeof warning = warning,
): Finding[] {
  return found.length === 0 ? [] : [tell(what, `${state}: ${names(found.map(nameOf))}`, advice)]
}

function blockedOf(devices: KnownDevice[], at: number): KnownDevice[] {
  return devices.filter(({ blockedUntil }) => blockedUntil !== null && Date.parse(blockedUntil) > at)
}

function isSeen({ lastSeenAt }: KnownDevice, at: number): boolean {
  return lastSeenAt !== null && at - Date.parse(lastSeenAt) < AWAY_MS
}

function nameOf({ name }: KnownDevice): string {
  return name
}

function named(devices: KnownDevice[]): string {
  return names(devices.map(nameOf))
}

/** A few of them by name, the others by how many they are. */
function names(all: string[]): string {
  const shown = all.slice(0, 4).join(', ')
  return all.length > 4 ? `${shown} and ${all.length - 4} more` : shown
}

function count(number: number): string {
  return number.toLocaleString('en')
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

function span(minutes: number): string {
  if (minutes < 120) return `${minutes} min`
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`
}
