import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerMessage } from '../../core/live.ts'
import { type ErrorBody, Refusal } from '../api.ts'
import type { Connection } from '../connection.ts'
import { Failure, inOneLine } from '../failure.ts'
import { EventReader } from './events.ts'

/** Whether what is shown is what is. */
export type Link = { state: 'connecting' | 'live' } | { state: 'lost'; because: string }

type Listener = { hear: (message: ServerMessage) => void; link: (link: Link) => void }

/** The server says something each 15 s, if only that it is there. */
const SILENT_MS = 40_000
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8000

/**
 * Listens to an event until told to stop. A connection that breaks is opened again where it was, so that every scan is
 * heard of once. Fails where the server says no: another try would hear the same.
 */
export async function follow(connection: Connection, listener: Listener, stop: AbortSignal): Promise<void> {
  let cursor: string | null = null
  let waitMs = FIRST_WAIT_MS
  listener.link({ state: 'connecting' })
  while (!stop.aborted) {
    try {
      for await (const { id, data } of listen(connection, cursor, stop)) {
        const message = JSON.parse(data) as ServerMessage
        // What was missed while nothing had been scanned yet comes from here on.
        if (message.type === 'hello') cursor ??= message.cursor
        cursor = id ?? cursor
        waitMs = FIRST_WAIT_MS
        listener.link({ state: 'live' })
        listener.hear(message)
        if (message.type === 'bye') throw farewell(message.code, connection.url)
      }
      if (!stop.aborted) listener.link({ state: 'lost', because: 'the server closed the connection' })
    } catch (error) {
      if (stop.aborted) return
      if (error instanceof Failure && !isPassing(error)) throw error
      listener.link({ state: 'lost', because: inOneLine(error instanceof Error && error.cause ? error.cause : error) })
    }
    await sleep(waitMs, undefined, { signal: stop }).catch(() => {
      // Told to stop while waiting.
    })
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
  }
}

async function* listen({ url, key, eventId }: Connection, cursor: string | null, stop: AbortSignal) {
  const silence = new AbortController()
  const watchdog = setTimeout(() => silence.abort(new Error('nothing was heard for 40 s')), SILENT_MS)
  try {
    const address = `${url}/api/hp-scanner/stream/${encodeURIComponent(eventId)}?topics=stats,scans,alerts`
    const response = await fetch(address, {
      headers: { Authorization: `Bearer ${key}`, ...(cursor === null ? {} : { 'Last-Event-ID': cursor }) },
      signal: AbortSignal.any([stop, silence.signal]),
    })
    if (!response.ok || response.body === null) throw await refusalIn(response, url)
    const reader = new EventReader()
    const decoder = new TextDecoder()
    for await (const bytes of response.body) {
      watchdog.refresh()
      yield* reader.read(decoder.decode(bytes, { stream: true }))
    }
  } finally {
    clearTimeout(watchdog)
  }
}

async function refusalIn(response: Response, url: string): Promise<Error> {
  const body = (await response.json().catch(() => null)) as ErrorBody | null
  return body?.message ? new Refusal(response.status, body, url) : new Error(`${url} answers with ${response.status}`)
}

function isPassing(failure: Failure): boolean {
  return failure instanceof Refusal && (failure.status === 429 || failure.status >= 500)
}

function farewell(code: string, url: string): Error {
  switch (code) {
    case 'unauthenticated':
    case 'device_revoked':
      return new Failure(`${url} does not take this key any more.`)
    case 'event_gone':
      return new Failure('The event is there no more.')
    default:
      return new Error(`the server closed the connection: ${code}`)
  }
}
