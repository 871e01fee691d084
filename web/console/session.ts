import { computed, effect, signal } from '@preact/signals'
import { type Answer, del, get, type Problem, post, turnedAway } from './api.ts'

export type Role = 'admin' | 'organiser' | 'supervisor' | 'viewer'

type Organisation = { id: string; name: string }

/** `organisation` is null for the deployment key; `member` is there for whom Cloudflare Access vouches. */
export type Who = { role: Role; organisation: Organisation | null; member?: { organisations: Organisation[] } }

/**
 * Who uses the console. `unknown` until the server was asked; `expired` is somebody who was signed in a moment ago: what
 * they were at stays as it is underneath.
 */
export type Session =
  | { state: 'unknown'; problem: Problem | null }
  /** `isStranger`: Cloudflare Access knows them, and no organisation does. */
  | { state: 'none'; isStranger?: boolean }
  | { state: 'in'; who: Who }
  | { state: 'expired'; who: Who }

export const session = signal<Session>({ state: 'unknown', problem: null })

/** Goes up with each signing in, so that screens which were turned away ask again. */
export const signedInSince = signal(0)

export const who = computed(() => ('who' in session.value ? session.value.who : null))

const rank: Record<Role, number> = { viewer: 0, supervisor: 1, organiser: 2, admin: 3 }

/** Whether whoever is signed in may do what needs this role. The server decides; this hides what it would refuse. */
export function may(role: Role): boolean {
  return who.value !== null && rank[who.value.role] >= rank[role]
}

/** Asks the server whose cookie the browser has, and else whether Cloudflare Access knows who it is. */
export async function lookWhoItIs(): Promise<void> {
  const answer = await get<Who>('/api/session')
  if (!answer.ok && answer.problem.status !== 401) {
    session.value = { state: 'unknown', problem: answer.problem }
    return
  }
  if (answer.ok && !answer.value.member) {
    session.value = { state: 'in', who: answer.value }
    return
  }
  // A member's session begins anew with each visit: Access may stand before these two calls and no others.
  const member = await signInByAccess(answer.ok ? answer.value.organisation?.id : undefined)
  if (member.ok) return
  session.value = answer.ok
    ? { state: 'in', who: answer.value }
    : { state: 'none', isStranger: member.problem.code === 'not_a_member' }
}

/** Signs in whom Cloudflare Access vouches for, to the organisation named or to the one that they were made a member of first. */
export function signInByAccess(organisationId?: string): Promise<Answer<Who>> {
  return signInWith(organisationId ? { organisationId } : {})
}

/** The key goes to the server and is kept nowhere; a cookie that no script can read stands for it afterwards. */
export function signIn(key: string): Promise<Answer<Who>> {
  return signInWith({ key })
}

async function signInWith(body: object): Promise<Answer<Who>> {
  const answer = await post<Who>('/api/session', body)
  if (answer.ok) {
    session.value = { state: 'in', who: answer.value }
    signedInSince.value++
  }
  return answer
}

export async function signOut(): Promise<Answer<null>> {
  const isMember = who.peek()?.member !== undefined
  const answer = await del<null>('/api/session')
  if (answer.ok) session.value = { state: 'none' }
  // Access would sign them in again at once.
  if (answer.ok && isMember) location.assign('/cdn-cgi/access/logout')
  return answer
}

effect(() => {
  if (turnedAway.value === 0) return
  const before = session.peek()
  if (before.state === 'in') session.value = { state: 'expired', who: before.who }
})
