import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import type { DeviceId, EventId, OrganisationId, StaffId } from '../core/ids.ts'
import type { Actor, Proof } from '../durable-objects/actor.ts'
import { isAccessConfigured, readAccess } from './cloudflare-access.ts'
import { findKey, hasEvent } from './db/directory.ts'
import { findMembership, type Membership, membershipsOf } from './db/members.ts'
import { proofOf, refuseUnproven, type Unproven } from './device-proof.ts'
import type { Env } from './env.ts'
import { ringOf } from './key-ring.ts'
import { LeastRecent } from './least-recent.ts'
import { isMarked, newMarked } from './marked.ts'
import { problemResponse, roleRequired } from './problems.ts'
import { hashSecret, sameSecret } from './secrets.ts'
import { comesFromOurselves, markOf, readSession, type SessionHolder } from './session.ts'
import { isShutOut, turnAway } from './shield.ts'
import { verifyStaffToken } from './staff-token.ts'

/** `viewer` stands beside the others: it reads statistics and reports, and nothing else. */
export type Role = 'admin' | 'organiser' | 'supervisor' | 'scanner' | 'viewer'

/** Who is asking. */
export type Caller =
  | { kind: 'admin'; role: 'admin' }
  | {
      kind: 'organisation'
      role: 'organiser' | 'supervisor' | 'viewer'
      organisationId: OrganisationId
      /** Which key it is, and until when it is good, in milliseconds since 1970: a live socket ends with its key. */
      key?: { id: string; expiresAt: number | null }
      /** The same of a member whom Cloudflare Access vouches for. */
      member?: { id: string; expiresAt: number }
    }
  | {
      kind: 'device'
      role: 'supervisor' | 'scanner'
      eventId: EventId
      deviceId: DeviceId
      staffId: StaffId
      /** Until when the staff token is good, in milliseconds since 1970. */
      expiresAt?: number
      /** How it showed that the request is its own; not there where its device has no key. */
      proof?: Proof | Unproven
    }

const rank: Record<Role, number> = { viewer: 0, scanner: 1, supervisor: 2, organiser: 3, admin: 4 }

/** Whether a role reaches up to what a call needs. */
export function reaches(role: Role, needed: Role): boolean {
  return needed === 'viewer' || rank[role] >= rank[needed]
}

/** Takes a request; gives who is asking, or null where no good credential came with it. */
export async function identify(request: Request, env: Env, at: number): Promise<Caller | null> {
  const credential = /^Bearer +(.*\S) *$/i.exec(request.headers.get('Authorization') ?? '')?.[1]
  if (credential === undefined) {
    return (await identifySession(request, env, at)) ?? (await identifyByAccess(request, env, at))
  }
  const holder = await holderOfKey(credential, env, at, isShutOut(request))
  if (holder) return holder.caller
  const staff = await verifyStaffToken(ringOf(env), credential, at)
  if (staff === null) return null
  const { signingKey, ...claims } = staff
  if (signingKey === null) return { kind: 'device', ...claims }
  return { kind: 'device', ...claims, proof: await proofOf(request, signingKey, at) }
}

/** Keys that were good of late, by their hashes. */
const seenGood = new LeastRecent<true>(1000)

/**
 * Takes a key that a person or a system may sign in with; gives who that is, and what a session of theirs names. From an
 * address that is shut out no key is looked up that was not good before: a flood of made-up ones does not reach D1.
 */
export async function holderOfKey(
  key: string,
  env: Env,
  at: number,
  isShut: boolean,
): Promise<{ caller: Exclude<Caller, { kind: 'device' }>; session: SessionHolder } | null> {
  const deploymentKey = deploymentKeys(env).find((one) => sameSecret(key, one))
  if (deploymentKey !== undefined) {
    return { caller: { kind: 'admin', role: 'admin' }, session: { kind: 'admin', of: markOf(deploymentKey) } }
  }
  if (!key.startsWith('a1_org_')) return null
  const hash = hashSecret(key)
  const name = base64url.encode(hash)
  if (isShut && !seenGood.get(name)) return null
  const found = await findKey(env.DB, { hash }, at)
  if (!found) return null
  seenGood.set(name, true, 1)
  return { caller: callerOf(found), session: { kind: 'key', keyId: found.id } }
}

/** The deployment key, and the one before it as long as that is good too. */
function deploymentKeys({ ADMIN_KEY, ADMIN_KEY_PREVIOUS }: Env): string[] {
  return [ADMIN_KEY, ...(ADMIN_KEY_PREVIOUS ? [ADMIN_KEY_PREVIOUS] : [])]
}

/** Who signed in with a browser. Their key is looked up each time: a revoked one ends its sessions at once. */
async function identifySession(request: Request, env: Env, at: number): Promise<Caller | null> {
  const session = await readSession(ringOf(env), request, at)
  switch (session?.kind) {
    case undefined:
      return null
    case 'admin':
      return deploymentKeys(env).some((key) => session.of === markOf(key)) ? { kind: 'admin', role: 'admin' } : null
    case 'key': {
      const key = await findKey(env.DB, { id: session.keyId }, at)
      return key && callerOf(key)
    }
    case 'member': {
      const membership = isAccessConfigured(env) ? await findMembership(env.DB, session.memberId) : null
      return membership && memberCaller(membership, session.until)
    }
  }
}

/**
 * Who comes through Cloudflare Access without having signed in: a member of the organisation that made them one first. The
 * browser sends along what Access lets them in by, so a page of another site must not change anything with it either.
 */
async function identifyByAccess(request: Request, env: Env, at: number): Promise<Caller | null> {
  const identity = comesFromOurselves(request) ? await readAccess(env, request, at) : null
  const [first] = identity ? await membershipsOf(env.DB, identity.email) : []
  return identity && first ? memberCaller(first, identity.expiresAt) : null
}

/** A member as a caller; `expiresAt` is until when Access vouches for them. */
export function memberCaller({ id, organisationId, role }: Membership, expiresAt: number) {
  return { kind: 'organisation' as const, organisationId, role, member: { id, expiresAt } }
}

/** Whether the key or the membership that somebody came with is still good. */
export async function isStillGood(caller: Caller, env: Env, at: number): Promise<boolean> {
  if (caller.kind !== 'organisation') return true
  if (caller.key) return (await findKey(env.DB, { id: caller.key.id }, at)) !== null
  return !caller.member || (await findMembership(env.DB, caller.member.id)) !== null
}

function callerOf({ id, organisationId, role, expiresAt }: NonNullable<Awaited<ReturnType<typeof findKey>>>) {
  return { kind: 'organisation' as const, organisationId, role, key: { id, expiresAt } }
}

/** What a call needs: a role, and where it is about an event or organisation, the right one. */
export type Needed = { role: Role; eventId?: EventId | undefined; organisationId?: OrganisationId | undefined }

/**
 * The one place that says who may do what. Gives null for yes, or the answer to give. Whose event it is the Gatekeeper
 * looks at with the call itself; only where the role is too small it never comes so far.
 */
export async function authorize(
  request: Request,
  env: Env,
  caller: Caller | null,
  needed: Needed,
): Promise<Response | null> {
  if (caller === null) {
    return turnAway(request, env, problemResponse('unauthenticated', { headers: { 'WWW-Authenticate': 'Bearer' } }))
  }
  if (isElsewhere(caller, needed)) return problemResponse('not_found')
  if (caller.kind === 'device' && caller.proof?.by === 'nothing') {
    return refuseUnproven(env, caller, caller.proof, Date.now())
  }
  if (namesAnother(request, caller)) return problemResponse('device_mismatch')
  if (reaches(caller.role, needed.role) && !(caller.kind === 'device' && needed.organisationId)) return null
  return (await isOwn(env, caller, needed)) ? roleRequired(needed.role) : problemResponse('not_found')
}

/** Of what belongs to somebody else one is not told whether it exists. */
function isElsewhere(caller: Caller, { eventId, organisationId }: Needed): boolean {
  if (caller.kind === 'device') return eventId !== undefined && caller.eventId !== eventId
  if (caller.kind === 'organisation') return organisationId !== undefined && caller.organisationId !== organisationId
  return false
}

/** A device need not say which one it is; where it does, it is itself. An empty header says nothing. */
function namesAnother(request: Request, caller: Caller): boolean {
  const named = request.headers.get('X-Device-ID')
  return caller.kind === 'device' && named !== null && named !== '' && named !== caller.deviceId
}

async function isOwn(env: Env, caller: Caller, { eventId }: Needed): Promise<boolean> {
  if (caller.kind !== 'organisation' || eventId === undefined) return true
  return hasEvent(env.DB, eventId, caller.organisationId)
}

/** The caller as the Gatekeeper sees it: it knows whose event it is, and which of its devices are revoked. */
export function actorOf(caller: Caller, request: Request): Actor {
  switch (caller.kind) {
    case 'admin':
      return { kind: 'admin' }
    case 'organisation':
      return { kind: 'organisation', organisationId: caller.organisationId }
    case 'device': {
      const token = request.headers.get('X-Device-Token')
      const { deviceId, staffId, proof } = caller
      const tokenHash = token === null ? null : hashSecret(token)
      // `authorize` has answered whoever proved nothing.
      if (proof === undefined || proof.by === 'nothing') return { kind: 'device', deviceId, staffId, tokenHash }
      return { kind: 'device', deviceId, staffId, tokenHash, proof }
    }
  }
}

/** Of a device token's 32 bytes so many are a mark of ours: 160 random bits are left. */
const TOKEN_MARK = 12

/** A device token is bound to its event, so that it can be renewed without asking D1: the event stands in it. */
export function newDeviceToken(env: Env, eventId: EventId): string {
  const hex = eventId.replaceAll('-', '')
  const marked = newMarked(ringOf(env), 'device', hexToBytes(hex), 20, TOKEN_MARK)
  return `a1_dev_${hex}_${base64url.encode(marked.slice(16))}`
}

/** The event that a device token names, or null where it was not made here. */
export function eventOfDeviceToken(env: Env, token: string): string | null {
  const [, hex, secret] = /^a1_dev_([0-9a-f]{32})_([\w-]{43})$/.exec(token) ?? []
  if (!hex || !secret) return null
  const marked = concatBytes(hexToBytes(hex), base64url.decode(secret))
  if (!isMarked(ringOf(env), 'device', marked, TOKEN_MARK)) return null
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
