import { signal } from '@preact/signals'
import type { Issue } from '../../core/answers.ts'

/** Why a call gave nothing, in the server's words, or in ours (`offline`, `not_an_answer`) where it said none. */
export type Problem = {
  /** 0 where no answer came. */
  status: number
  code: string
  error: string
  message: string
  /** Each field that the server did not take, by its path: `holder.email`. */
  issues: Issue[]
  data: Record<string, unknown>
}

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem }

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Goes up with each answer that says that nobody is signed in any more. */
export const turnedAway = signal(0)

/** Goes up where a call found the server, and is null where the last one did not. */
export const reached = signal<boolean>(true)

type More = {
  /** A body that is not JSON, such as a file, with its type. */
  raw?: { content: BodyInit; type: string }
  signal?: AbortSignal
}

/** Makes a call of the API, and takes it out of its envelope. What goes wrong is a value, and nothing is thrown. */
export async function call<T>(method: Method, path: string, body?: object, more: More = {}): Promise<Answer<T>> {
  try {
    const response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body ? { 'Content-Type': 'application/json' } : {}),
        ...(more.raw ? { 'Content-Type': more.raw.type } : {}),
      },
      body: more.raw?.content ?? (body ? JSON.stringify(body) : null),
      signal: more.signal ?? AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    reached.value = true
    return answerIn<T>(response.status, text)
  } catch (error) {
    // The network is away, the server did not answer in time, or whoever asked does not want to know any more.
    if (error instanceof DOMException && error.name === 'AbortError') return { ok: false, problem: given('aborted') }
    reached.value = false
    return { ok: false, problem: given('offline') }
  }
}

const TIMEOUT_MS = 20_000

export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, undefined, signal ? { signal } : {})
export const post = <T>(path: string, body: object = {}) => call<T>('POST', path, body)
export const put = <T>(path: string, body: object) => call<T>('PUT', path, body)
export const patch = <T>(path: string, body: object) => call<T>('PATCH', path, body)
export const del = <T>(path: string) => call<T>('DELETE', path)

/** Takes a path and what to ask it for; gives both together, without what is empty. */
export function withQuery(path: string, query: Record<string, string | number | boolean | null | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined)
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text ? `${path}${path.includes('?') ? '&' : '?'}${text}` : path
}

type Envelope<T> =
  | { success: true; data: T }
  | { success: false; code: string; error: string; message: string; data?: { issues?: Issue[] } }

function answerIn<T>(status: number, text: string): Answer<T> {
  const envelope = parsed<Envelope<T>>(text)
  if (typeof envelope?.success !== 'boolean') {
    return { ok: false, problem: { ...given('not_an_answer'), status } }
  }
  if (envelope.success) return { ok: true, value: envelope.data }
  if (status === 401 && envelope.code === 'unauthenticated') turnedAway.value++
  const { code, error, message, data = {} } = envelope
  return { ok: false, problem: { status, code, error, message, issues: data.issues ?? [], data } }
}

function parsed<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T
  } catch {
    // Somebody else's page: a proxy's error, or a network that wants one to sign in.
    return null
  }
}

function given(code: 'offline' | 'aborted' | 'not_an_answer'): Problem {
  return { status: 0, code, error: '', message: '', issues: [], data: {} }
}
