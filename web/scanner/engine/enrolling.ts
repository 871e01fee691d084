import type { Gate, Zone } from '../../../core/event.ts'
import type { DeviceId, EventId, GateId, StaffId, ZoneId } from '../../../core/ids.ts'
import type { Calls, Reply } from './calls.ts'
import type { DeviceType, Failure, Outcome } from './engine.ts'
import type { Ports } from './ports.ts'
import type { KeptDevice } from './store.ts'
import { instant, list, oneOf, record, text, type Wire } from './wire.ts'

const TIMEOUT_MS = 20_000

/** Becomes a device of the event: with a key that never leaves it, and tokens that only its storage holds. */
export async function enrolDevice(
  linkOrCode: string,
  about: { name: string; type: DeviceType },
  ports: Pick<Ports, 'store' | 'crypto'>,
  calls: Calls,
): Promise<Outcome<KeptDevice>> {
  const code = enrolmentCode(linkOrCode)
  if (code === null) return failed({ code: 'not_a_link' })
  const { key, publicKey } = await ports.crypto.newDeviceKey()
  const reply = await calls.send({
    method: 'POST',
    path: '/api/devices/enrol',
    body: { code, deviceName: about.name, deviceType: about.type, publicKey },
    timeoutMs: TIMEOUT_MS,
    enrolsWith: key,
  })
  if (reply.kind !== 'answer' || reply.status !== 201) return failed(failureOf(reply))
  const device = deviceOf(record(reply.body.data), about.name, key)
  if (device === null) return failed({ code: 'problem', problem: 'unexpected', message: 'The answer was not whole.' })
  await ports.store.wipe()
  await ports.store.put('device', device)
  return { ok: true, value: device }
}

/** Takes what was scanned, pasted or typed; gives the enrolment code in it, or null. It stands behind the # of a link. */
export function enrolmentCode(linkOrCode: string): string | null {
  const typed = linkOrCode.trim()
  const linked = /#(?:.*&)?enrol=([^&]+)/.exec(typed)?.[1]
  const code = (linked ?? typed).replace(/[\s-]/g, '').toUpperCase()
  return /^[A-Z2-7]{26}$/.test(code) ? code : null
}

/** What a call that did not succeed means to the person at the screen. */
export function failureOf(reply: Reply): Failure {
  switch (reply.kind) {
    case 'no_answer':
      return { code: 'no_network' }
    case 'wait':
      return { code: 'rate_limited', retryAfterMs: reply.ms }
    case 'not_enrolled':
      return { code: 'not_enrolled' }
    case 'revoked':
      return { code: 'problem', problem: 'device_revoked', message: '' }
    case 'answer': {
      const code = text(reply.body.code) ?? 'unknown'
      if (code === 'enrolment_unknown' || code === 'enrolment_used') return { code }
      return { code: 'problem', problem: code, message: text(reply.body.message) ?? '' }
    }
  }
}

function deviceOf(data: Wire, name: string, deviceKey: unknown): KeptDevice | null {
  const event = record(data.event)
  const staff = record(data.staff)
  const eventId = text<EventId>(event.id)
  const deviceId = text<DeviceId>(data.deviceId)
  const deviceToken = text(data.deviceToken)
  const staffToken = text(data.staffToken)
  const role = oneOf(staff.role, ['supervisor', 'scanner'] as const)
  if (eventId === null || deviceId === null || deviceToken === null || staffToken === null || role === null) return null
  return {
    eventId,
    deviceId,
    deviceToken,
    staffToken,
    expiresAt: instant(data.expiresAt) ?? 0,
    enrolment: {
      event: {
        id: eventId,
        title: text(event.title) ?? '',
        timezone: text(event.timezone) ?? 'UTC',
        startsAt: instant(event.startsAt) ?? 0,
        // Where nobody said when it ends, it is not over.
        endsAt: instant(event.endsAt) ?? Number.POSITIVE_INFINITY,
      },
      staff: { id: text<StaffId>(staff.id) ?? ('' as StaffId), name: text(staff.name) ?? '', role },
      device: { id: deviceId, name },
    },
    event: { zones: list(event.zones) as Zone[] },
    gate: gateOf(record(data.gate)),
    deviceKey,
  }
}

function gateOf(gate: Wire): Gate | null {
  const id = text<GateId>(gate.id)
  const kind = oneOf(gate.kind, ['entry', 'exit', 'both', 'checkpoint'] as const)
  if (id === null || kind === null) return null
  const zone = text<ZoneId>(gate.zone) ?? ('main' as ZoneId)
  return { id, name: text(gate.name) ?? id, kind, zone, accepts: null }
}

function failed(failure: Failure): Extract<Outcome<never>, { ok: false }> {
  return { ok: false, failure }
}
