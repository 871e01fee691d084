import { computed, effect, signal } from '@preact/signals'
import { type Answer, del, get, type Problem, post, turnedAway } from './api.ts'

export type Role = 'admin' | 'organiser' | 'supervisor' | 'viewer'

/** `organisation` is null for the deployment key. */
export type Who = { role: Role; organisation: { id: string; name: string } | null }

/**
 * Who uses the console. `unknown` until the server was asked; `expired` is somebody who was signed in a moment ago: what
 * they were at stays as it is underneath.
 */
export type Session =
  | { state: 'unknown'; problem: Problem | null }
  | { state: 'none' }
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

/** Asks the server whose cookie the browser has. */
export async function lookWhoItIs(): Promise<void> {
  const answer = await get<Who>('/api/session')
  if (answer.ok) session.value = { state: 'in', who: answer.value }
  else if (answer.problem.status === 401) session.value = { state: 'none' }
  else session.value = { state: 'unknown', problem: answer.problem }
}

/** The key goes to the server and is kept nowhere; a cookie that no script can read stands for it afterwards. */
export async function signIn(key: string): Promise<Answer<Who>> {
  const answer = await post<Who>('/api/session', { key })
  if (answer.ok) {
    session.value = { state: 'in', who: answer.value }
    signedInSince.value++
  }
  return answer
}

export async function signOut(): Promise<Answer<null>> {
  const answer = await del<null>('/api/session')
  if (answer.ok) session.value = { state: 'none' }
  return answer
}

effect(() => {
  if (turnedAway.value === 0) return
  const before = session.peek()
  if (before.state === 'in') session.value = { state: 'expired', who: before.who }
})
