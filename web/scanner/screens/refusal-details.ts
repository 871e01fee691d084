import type { FirstAdmission, NamedGate, ShownRefusal, Undecided } from '../engine/shown.ts'
import type { Enrolment } from '../engine/status.ts'
import { exactTime, moment, number, words } from '../words/language.ts'

type Staff = Enrolment['staff']

/** What makes a refusal understood, a line each: when, where, by whom, and where to go. `self`: who holds this device. */
export function refusalDetails(refusal: ShownRefusal, now: number, self: Staff | undefined): string[] {
  const { verdict: t } = words.value
  const at = (label: string, instant: number | null) => (instant === null ? [] : [label + moment(instant, now)])
  const count = (label: string, value: number | null) => (value === null ? [] : [label + number(value)])
  switch (refusal.reason) {
    case 'unreadable':
    case 'forged':
    case 'wrong_event':
    case 'unknown':
    case 'blocked':
    case 'unpaid':
      return []
    case 'event_closed':
      return at(t.since, refusal.closedAt)
    case 'revoked':
      return [
        ...(refusal.superseded ? [t.superseded] : at(t.since, refusal.revokedAt)),
        ...(refusal.because ? [t.reason + refusal.because] : []),
      ]
    case 'too_early':
      return at(t.validFrom, refusal.validFrom)
    case 'too_late':
      return at(t.validUntil, refusal.validUntil)
    case 'wrong_gate':
    case 'held_elsewhere':
      return gates(refusal.useGates)
    case 'already_admitted':
      return [...firstAdmission(refusal.first, now, self), t.attempt + number(refusal.attempt)]
    case 'limit_reached':
      return count(t.limit, refusal.limit)
    case 'too_soon':
      return at(t.notBefore, refusal.notBefore)
    case 'full':
      if (refusal.capacity === null || refusal.inside === null) return []
      return [`${t.inside}${number(refusal.inside)} / ${number(refusal.capacity)}`]
  }
}

/** What makes it understood why nobody decided, where there is more to say than that. */
export function undecidedDetails(because: Undecided, now: number): string[] {
  switch (because.reason) {
    case 'list_too_old':
    case 'event_over':
      return [words.value.verdict.since + moment(because.since, now)]
    case 'problem':
      return [because.message]
    case 'no_network':
    case 'not_ready':
    case 'device_blocked':
    case 'device_revoked':
    case 'not_enrolled':
    case 'unknown_gate':
      return []
  }
}

function gates(useGates: NamedGate[]): string[] {
  return useGates.length === 0 ? [] : [words.value.verdict.goTo + useGates.map(({ name }) => name).join(' · ')]
}

function firstAdmission(first: FirstAdmission | null, now: number, self: Staff | undefined): string[] {
  const { verdict: t } = words.value
  if (!first) return []
  // To the second while it is fresh: whoever is asked then knows whether it was just now.
  const when = now - first.at < 3_600_000 ? exactTime(first.at) : moment(first.at, now)
  const where = first.gate ? `, ${first.gate.name}` : ''
  const by = whoAdmitted(first, self)
  return [`${t.first}${when}${where}`, ...(by === null ? [] : [t.by + by])]
}

/** The names of other staff are not on the device, and an id tells nobody at a door anything. */
function whoAdmitted({ here, staffId, deviceId }: FirstAdmission, self: Staff | undefined): string | null {
  const { thisDevice, otherDevice } = words.value.verdict
  if (here) return thisDevice
  const isSelf = staffId !== null && staffId === self?.id
  if (deviceId === null) return isSelf ? self.name : null
  return isSelf ? `${self.name}, ${otherDevice}` : otherDevice
}
