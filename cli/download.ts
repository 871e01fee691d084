import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as WebStream } from 'node:stream/web'
import { type ErrorBody, explain } from './api.ts'
import type { Connection } from './connection.ts'
import { Failure, inOneLine, systemCode, UsageFailure, whyNot } from './failure.ts'

/** What a file passes through on its way, which can say how much that was. */
export type Passage = Transform & { readonly soFar: string }

/** Asks for a file of the event; throws where there is none to be had. */
export function askForFile(connection: Connection, path: string): Promise<Response> {
  return askFor(connection, `/api/events/${encodeURIComponent(connection.eventId)}/${path}`)
}

/** Asks for what is no JSON; throws where there is none to be had. */
export async function askFor({ url, key }: Connection, path: string): Promise<Response> {
  if (key === null) throw new UsageFailure('Say who is asking with --key or ADMIT_KEY: an organisation key.')
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } }).catch((error: unknown) => {
    throw new Failure(`No server answers at ${url} (${inOneLine(error)}).`)
  })
  if (response.ok) return response
  const body = (await response.json().catch(() => null)) as ErrorBody | null
  throw new Failure(body?.message ? explain(response.status, body, url) : `${url} answers with ${response.status}.`)
}

/** Writes beside the file and gives it its name at the end: a broken one is never taken for a whole one. */
export async function saveFile(response: Response, passage: Passage, file: string, mode = 0o666): Promise<void> {
  const unfinished = `${file}.part`
  try {
    await copyFile(response, passage, createWriteStream(unfinished, { mode }))
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error instanceof Failure ? error : new Failure(`Cannot write ${file}: ${whyNot(error)}.`)
  }
}

export async function copyFile(response: Response, passage: Passage, to: NodeJS.WritableStream): Promise<void> {
  // The platform's type and Node's name one and the same thing.
  const body = Readable.fromWeb(response.body as unknown as WebStream)
  try {
    await pipeline(body, passage, to)
  } catch (error) {
    // Whoever reads our output may have had enough, as `head` has.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE' && to === process.stdout) return
    // What the file system says has a code; what is said of a connection has none of its own.
    if (systemCode(error) === null) throw new Failure(`It broke off after ${passage.soFar}: ${inOneLine(error)}.`)
    throw error
  }
}
