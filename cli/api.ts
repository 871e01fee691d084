import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, inOneLine } from './failure.ts'

/** A server and who is asking it. Each call gives the whole JSON answer, or throws. */
export type Api = {
  url: string
  get: <T>(path: string, patience?: Patience) => Promise<T>
  put: <T>(path: string, body: object) => Promise<T>
  patch: <T>(path: string, body: object) => Promise<T>
  post: <T>(path: string, body: object, patience?: Patience) => Promise<T>
  delete: <T>(path: string) => Promise<T>
  /** Sends a CSV file as it is. */
  upload: <T>(path: string, csv: Uint8Array<ArrayBuffer>) => Promise<T>
}

/** How often to ask again with the same body when the answer got lost, and how long to wait for each. */
export type Patience = { tries: number; timeoutMs: number }

/** What every answer that is no success says. */
export type ErrorBody = { success: false; error: string; code: string; message: string; data?: unknown }

/** The server understood and said no. */
export class Refusal extends Failure {
  readonly status: number
  readonly body: ErrorBody

  constructor(status: number, body: ErrorBody, url: string) {
    super(explain(status, body, url))
    this.status = status
    this.body = body
  }
}

/** Says what a refusal means to whoever ran the command. */
export function explain(status: number, { code, message }: ErrorBody, url: string): string {
  if (status === 401) return `${url} does not accept this key: ${message}`
  if (code === 'not_found') return `${url} has no such event or ticket, or none that this key may see.`
  return message
}

/** Nothing is known of what the server did, if anything. */
export class NoAnswer extends Failure {}

export function connect(url: string, credential: string | null): Api {
  const call = async <T>(method: string, path: string, body?: object, patience = onceAndPatiently): Promise<T> => {
    for (let tryNumber = 1; ; tryNumber++) {
      const attempt = await ask(url, credential, method, path, body, patience.timeoutMs)
      if (attempt.ok) return attempt.answer as T
      if (tryNumber >= patience.tries || !(attempt.failure instanceof NoAnswer)) throw attempt.failure
      await sleep(attempt.retryAfterMs ?? Math.min(200 * 2 ** (tryNumber - 1), 2000))
    }
  }
  return {
    url,
    get: (path, patience) => call('GET', path, undefined, patience),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    post: (path, body, patience) => call('POST', path, body, patience),
    delete: (path) => call('DELETE', path),
    // The answer comes when all of it was read, and a lost one means that all of it is sent again by hand.
    upload: (path, csv) => call('POST', path, csv, { tries: 1, timeoutMs: 600_000 }),
  }
}

/** Takes the path of a list, with no query; gives the list to the end of it, page by page. */
export async function listWhole<T>(api: Api, path: string): Promise<T[]> {
  const items: T[] = []
  for (let cursor: string | null = null; ; ) {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: Page<T> = await api.get(`${path}?limit=200${from}`)
    items.push(...page.data.items)
    cursor = page.data.nextCursor
    if (cursor === null) return items
  }
}

type Page<T> = { data: { items: T[]; nextCursor: string | null } }

/** null: the role of whoever asks is too small for it. */
export async function ifAllowed<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Refusal && error.body.code === 'role_required') return null
    throw error
  }
}

/** For what goes through a whole log. */
export const verySlowly: Patience = { tries: 1, timeoutMs: 600_000 }

const onceAndPatiently: Patience = { tries: 1, timeoutMs: 60_000 }

type Attempt = { ok: true; answer: object } | { ok: false; failure: Failure; retryAfterMs?: number | undefined }

async function ask(
  url: string,
  credential: string | null,
  method: string,
  path: string,
  body: object | undefined,
  timeoutMs: number,
): Promise<Attempt> {
  const isFile = body instanceof Uint8Array
  try {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(credential !== null && { authorization: `Bearer ${credential}` }),
        ...(body && { 'content-type': isFile ? 'text/csv' : 'application/json' }),
      },
      body: isFile ? body : body ? JSON.stringify(body) : null,
      signal: AbortSignal.timeout(timeoutMs),
    })
    return read(response, await response.text(), url)
  } catch (error) {
    return { ok: false, failure: new NoAnswer(noAnswer(url, error)) }
  }
}

function read(response: Response, text: string, url: string): Attempt {
  const answer = parse(text)
  if (answer?.success === true) return { ok: true, answer }
  const message = typeof answer?.message === 'string' ? answer.message : null
  if (response.status >= 500) {
    const retryAfterMs = Math.min(Number(response.headers.get('retry-after')) * 1000, 5000) || undefined
    const failure = new NoAnswer(`${url} has a problem (${response.status}): ${message ?? 'it does not say which.'}`)
    return { ok: false, failure, retryAfterMs }
  }
  if (answer?.success === false && message !== null) {
    return { ok: false, failure: new Refusal(response.status, answer as unknown as ErrorBody, url) }
  }
  const type = response.headers.get('content-type') ?? 'no content type'
  const failure = new Failure(`${url} answers, but not as Admit One does (${response.status}, ${type}); see --url.`)
  return { ok: false, failure }
}

function parse(text: string): { success?: unknown; message?: unknown } | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : null
  } catch {
    // Not JSON, so not our server.
    return null
  }
}

function noAnswer(url: string, error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return `${url} did not answer in time.`
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const detail = inOneLine(cause)
  return `No server answers at ${url}${detail ? ` (${detail})` : ''}; start one with npm start, or say where it is with --url.`
}
