import { z } from 'zod'
import { decodeBase32, encodeBase32 } from '../../core/base32.ts'
import { EnrolRequest, RenewRequest } from '../../core/device-messages.ts'
import { type DeviceId, type EventId, parseUuid } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import { NewEnrolment } from '../../core/organiser-messages.ts'
import { defaultQrStyle, qrSvg } from '../../core/qr.ts'
import { keyKind } from '../../core/request-signature.ts'
import type { DeviceTrail } from '../../durable-objects/devices/device-facts.ts'
import type { Device } from '../../durable-objects/devices/devices.ts'
import { eventOfDeviceToken, newDeviceToken } from '../access.ts'
import { alertShape } from '../alert-shape.ts'
import { countWrongCode, findEventByTag } from '../db/directory.ts'
import { proofOf, refuseUnproven, staleSignature } from '../device-proof.ts'
import type { Env } from '../env.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { isMarked, newMarked } from '../marked.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { hashSecret } from '../secrets.ts'
import {
  deviceShape,
  eventShape,
  gateShape,
  iso,
  isoOrNull,
  listOf,
  showDevice,
  showEvent,
  showGate,
  svgDataUri,
} from '../shapes.ts'
import { countStranger, turnAway } from '../shield.ts'
import { ShortListQuery, shortList } from '../short-list.ts'
import { signStaffToken } from '../staff-token.ts'

const tag = 'Devices'

/** Wrong enrolment codes from one address in ten minutes, after which more are refused unread. */
const WRONG_CODES = 5

const count = z.int()
const trailShape = z.object({
  scans: count,
  admitted: count.describe('people'),
  duplicates: count.describe('tickets that it showed though they were in already'),
  duplicatesLately: count.describe('of them, in the last five minutes'),
  invalid: z
    .array(z.object({ at: z.iso.datetime(), reason: z.string(), count }))
    .describe('codes that were none, by the minute, the newest first; at most 200 minutes'),
  invalidLately: count.describe('what counts of them towards a block'),
  blockedSince: z.iso.datetime().nullable(),
  alerts: z.array(alertShape).describe('the newest first; at most 100'),
})

export const deviceRoutes = [
  route({
    method: 'post',
    path: '/api/events/{eventId}/enrolments',
    audit: 'device.invited',
    summary: 'Invite one device, for a member of staff; the code works once',
    tag,
    role: 'supervisor',
    body: NewEnrolment,
    answer: z.object({ code: z.string(), url: z.string(), qr: z.string(), expiresAt: z.string() }),
    status: 201,
    async handle({ env, eventId, actor, body, at, origin }) {
      const code = newEnrolmentCode(env, eventId)
      const expiresAt = at + body.expiresInMs
      const invited = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.invite(actor, body, hashSecret(code), expiresAt),
      )
      if (!invited.ok) return answerProblem(invited.problem)
      // Behind the #, so that the code is in no log of any server on the way.
      const url = `${origin}/scan#enrol=${code}`
      return success(
        { code, url, qr: svgDataUri(qrSvg(url, defaultQrStyle)), expiresAt: iso(expiresAt) },
        { status: 201 },
      )
    },
  }),

  route({
    method: 'post',
    path: '/api/devices/enrol',
    audit: 'device.enrolled',
    summary: 'Become a device of an event, with an enrolment code',
    tag,
    role: null,
    body: EnrolRequest,
    answer: z.object({
      deviceId: z.string(),
      deviceToken: z.string(),
      staffToken: z.string(),
      expiresAt: z.string(),
      event: eventShape,
      gate: gateShape.nullable(),
      staff: z.object({ id: z.string(), name: z.string(), role: z.string() }),
    }),
    status: 201,
    async handle(call) {
      const { env, request, body, doing, at } = call
      const signed = await signedWith(request, body.publicKey ?? null, at)
      if (signed instanceof Response) return signed
      const code = normalCode(env, body.code)
      const eventId = code && (await findEventByTag(env.DB, code.eventTag, null))
      if (!code || !eventId) return wrongCode(call)
      const deviceToken = newDeviceToken(env, eventId)
      const enrolling = {
        codeHash: hashSecret(code.text),
        tokenHash: hashSecret(deviceToken),
        deviceId: body.deviceId ?? (crypto.randomUUID() as string as DeviceId),
        request: body,
        signingKey: signed.key,
      }
      const enrolled = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.enrol(enrolling, at, doing))
      if (!enrolled.ok) {
        return enrolled.problem.code === 'enrolment_unknown' ? wrongCode(call) : answerProblem(enrolled.problem)
      }
      const { device, event, gate } = enrolled.value
      return success(
        {
          deviceId: device.id,
          deviceToken,
          ...(await tokenFor(env, eventId, device, at)),
          event: showEvent(event),
          gate: gate && showGate(gate),
          staff: { id: device.staff.id, name: device.staff.name, role: device.staff.role },
        },
        { status: 201 },
      )
    },
  }),

  route({
    method: 'post',
    path: '/api/devices/token',
    audit: { because: 'a device renews its own credential, every twelve hours' },
    summary: 'Renew the staff token with the device token',
    tag,
    role: null,
    body: RenewRequest,
    answer: z.object({ staffToken: z.string(), expiresAt: z.string(), deviceToken: z.string().optional() }),
    async handle({ request, env, body, at }) {
      const eventId = parseUuid<EventId>(eventOfDeviceToken(env, body.deviceToken) ?? '')
      if (eventId === null) return turnAway(request, env, problemResponse('device_token_invalid'))
      const hash = hashSecret(body.deviceToken)
      const found = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.deviceByToken(body.deviceId, hash),
      )
      if (!found.ok) {
        const isNone = found.problem.code === 'not_found'
        return isNone ? problemResponse('device_token_invalid') : answerProblem(found.problem)
      }
      const { signingKey, id: deviceId } = found.value
      const proof = signingKey === null ? undefined : await proofOf(request, signingKey, at)
      if (proof?.by === 'nothing') return refuseUnproven(env, { eventId, deviceId }, proof, at)
      const successor = body.rotate ? newDeviceToken(env, eventId) : null
      const renewing = {
        deviceId,
        tokenHash: hash,
        successorHash: successor === null ? null : hashSecret(successor),
        ...(proof && { proof }),
      }
      const renewed = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.renewDevice(renewing, at))
      if (!renewed.ok) return answerProblem(renewed.problem)
      const { device, succeeded } = renewed.value
      const deviceToken = successor !== null && succeeded ? { deviceToken: successor } : {}
      return success({ ...(await tokenFor(env, eventId, device, at)), ...deviceToken })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/devices',
    summary: 'List the devices of an event',
    tag,
    role: 'supervisor',
    query: ShortListQuery,
    answer: listOf(deviceShape),
    async handle({ env, eventId, actor, query }) {
      const devices = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.listDevices(actor))
      if (!devices.ok) return answerProblem(devices.problem)
      return shortList(devices.value.map(showDevice), query)
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/devices/{deviceId}',
    summary:
      'One device, with the trail of what it did and got wrong: codes that were none, duplicates, blocks, alerts',
    tag,
    role: 'supervisor',
    answer: z.object({ device: deviceShape, trail: trailShape }),
    async handle({ env, eventId, actor, params, at }) {
      const deviceId = (params.deviceId ?? '') as DeviceId
      const found = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.device(actor, deviceId, at))
      if (!found.ok) return answerProblem(found.problem)
      const { facts, trail } = found.value
      return success({ device: showDevice(facts), trail: showTrail(trail) })
    },
  }),

  route({
    method: 'post',
    path: '/api/events/{eventId}/devices/{deviceId}/revoke',
    audit: 'device.revoked',
    summary: 'Take a device out: its next call is refused',
    tag,
    role: 'supervisor',
    answer: z.object({ device: deviceShape }),
    async handle({ env, eventId, actor, params, at }) {
      const deviceId = (params.deviceId ?? '') as DeviceId
      const revoked = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.revokeDevice(actor, deviceId, at))
      return revoked.ok ? success({ device: showDevice(revoked.value) }) : answerProblem(revoked.problem)
    },
  }),

  route({
    method: 'post',
    path: '/api/events/{eventId}/devices/{deviceId}/unblock',
    audit: 'device.unblocked',
    summary: 'Let a device go on that was blocked for showing too many codes that were none',
    tag,
    role: 'supervisor',
    answer: z.object({ device: deviceShape }),
    async handle({ env, eventId, actor, params }) {
      const deviceId = (params.deviceId ?? '') as DeviceId
      const device = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.unblockDevice(actor, deviceId))
      return device.ok ? success({ device: showDevice(device.value) }) : answerProblem(device.problem)
    },
  }),
]

function showTrail({ invalid, blockedSince, ...trail }: DeviceTrail): z.input<typeof trailShape> {
  return {
    ...trail,
    invalid: invalid.map((minute) => ({ ...minute, at: iso(minute.at) })),
    blockedSince: isoOrNull(blockedSince),
  }
}

async function tokenFor(env: Env, eventId: EventId, device: Device, at: number) {
  const { id: staffId, role } = device.staff
  const { signingKey } = device
  const { staffToken, expiresAt } = await signStaffToken(
    ringOf(env),
    { eventId, staffId, deviceId: device.id, role, signingKey },
    at,
  )
  return { staffToken, expiresAt: iso(expiresAt) }
}

/** Of an enrolment code's 16 bytes so many are a mark of ours. */
const CODE_MARK = 5

/**
 * Whoever signs the enrolment itself shows that they have the key that they name, and signs everything from then on. One
 * that is named and not used stands for nothing.
 */
async function signedWith(
  request: Request,
  publicKey: string | null,
  at: number,
): Promise<{ key: string | null } | Response> {
  if (!request.headers.has('Signature')) return { key: null }
  if (publicKey === null || keyKind(publicKey) === null) {
    const message = 'must be base64url of 32 bytes of Ed25519, or of an uncompressed point of P-256'
    return badRequestResponse([{ field: 'publicKey', message }])
  }
  const proof = await proofOf(request, publicKey, at)
  if (proof.by !== 'nothing') return { key: publicKey }
  return proof.because === 'stale' ? staleSignature(at) : problemResponse('device_signature_invalid')
}

/**
 * An enrolment code: the event's tag, so that it finds its Gatekeeper, 40 random bits and a mark of 40; 26 characters of
 * base32. To guess one takes 80 bits, as many as if all of them were random.
 */
function newEnrolmentCode(env: Env, eventId: EventId): string {
  return encodeBase32(newMarked(ringOf(env), 'enrolment', eventTagOf(eventId), 5, CODE_MARK))
}

/** Codes are typed in any case, with spaces or dashes where it helps the eye. null: it was not made here. */
function normalCode(env: Env, typed: string): { text: string; eventTag: Uint8Array } | null {
  const text = typed.replace(/[\s-]/g, '').toUpperCase()
  const bytes = decodeBase32(text)
  if (bytes?.length !== 16 || !isMarked(ringOf(env), 'enrolment', bytes, CODE_MARK)) return null
  return { text, eventTag: bytes.slice(0, 6) }
}

/**
 * A wrong code is told so five times in ten minutes and then no more. A right one always works: everybody at a venue
 * may have one address, and nobody guesses 80 bits.
 */
async function wrongCode({ request, env, at }: Call<unknown, unknown>): Promise<Response> {
  const tooMany = await countStranger(request, env)
  if (tooMany) return tooMany
  const address = hashSecret(`${env.TICKET_KEY} ${request.headers.get('CF-Connecting-IP') ?? ''}`)
  const tries = await countWrongCode(env.DB, address, at)
  if (tries <= WRONG_CODES) return problemResponse('enrolment_unknown')
  return problemResponse('rate_limited', { headers: { 'Retry-After': '600' } })
}
