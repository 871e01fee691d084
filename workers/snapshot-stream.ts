import { concatBytes } from '@noble/hashes/utils.js'
import type { Result } from '../core/answers.ts'
import type { EventId } from '../core/ids.ts'
import type { SnapshotHead } from '../core/snapshot.ts'
import { endOfParts, joinSnapshot, partOf, startOfParts } from '../core/snapshot-bytes.ts'
import { type PackedRows, unpackRows, type Words } from '../core/snapshot-rows.ts'
import type { Actor } from '../durable-objects/actor.ts'
import { log } from '../durable-objects/logging.ts'
import type { Position, SnapshotPart } from '../durable-objects/offline/snapshots.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone, Unavailable } from './gatekeepers.ts'
import { streamOf } from './paper/streaming.ts'
import { showHead, showRows } from './snapshot-shape.ts'

/*
 * A snapshot as it is read from the Gatekeeper, part by part, each when whoever reads has taken the one before: what is in
 * memory does not grow with the event.
 */

/** What is read before the answer begins, and where the rest is; null: there is no more. */
export type Begun = { parts: SnapshotPart[]; next: Position | null }

/** A snapshot of so many bytes goes in one piece. */
const IN_ONE_PIECE = 256 * 1024

type Asking = { env: Env; eventId: EventId; actor: Actor }

/** Reads the first parts, so that what cannot be had at all is an answer of its own. */
export async function beginParts(asking: Asking, first: Position): Promise<Result<Begun>> {
  const begun: Begun = { parts: [], next: first }
  for (let bytes = 0; begun.next !== null && bytes < IN_ONE_PIECE; ) {
    const part = await readPart(asking, begun.next)
    if (!part.ok) return part
    begun.parts.push(part.value)
    begun.next = part.value.next
    bytes += lengthOf(part.value.rows)
  }
  return { ok: true, value: begun }
}

/** Takes a head and what was begun; gives the bytes: in one piece where all of it is there already. */
export function asBytes(asking: Asking, head: SnapshotHead, begun: Begun): Uint8Array | ReadableStream<Uint8Array> {
  const last = begun.next === null ? begun.parts.at(-1) : undefined
  return last ? joinSnapshot(head, last.words, joinRows(begun.parts)) : streamOf(inParts(asking, head, begun))
}

async function* inParts(asking: Asking, head: SnapshotHead, begun: Begun): AsyncGenerator<Uint8Array> {
  yield startOfParts(head)
  let words: Words = { zones: [], gates: [], types: [] }
  for await (const part of allParts(asking, begun)) {
    words = part.words
    const bytes = partOf(part.rows)
    if (bytes.length > 0) yield bytes
  }
  yield endOfParts(words)
}

/** The same as the JSON of an answer. */
export function asJson(asking: Asking, head: SnapshotHead, begun: Begun): ReadableStream<Uint8Array> {
  return streamOf(inJson(asking, head, begun))
}

async function* inJson(asking: Asking, head: SnapshotHead, begun: Begun): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  yield encoder.encode(JSON.stringify({ success: true, data: showHead(head) }).slice(0, -2))
  const lists = ['standings', 'revocations', 'codes'] as const
  let open = -1
  let comma = ''
  /** The parts come in the order of the lists: one that is closed is closed. */
  const openUpTo = (list: number) => {
    let text = ''
    for (; open < list; comma = '') text += `${open < 0 ? ',' : '],'}"${lists[++open]}":[`
    return text
  }
  for await (const { rows, words } of allParts(asking, begun)) {
    const shown = showRows(unpackRows(rows, words))
    let text = ''
    for (const [i, list] of lists.entries()) {
      if (shown[list].length === 0) continue
      text += openUpTo(i) + comma + shown[list].map((row) => JSON.stringify(row)).join(',')
      comma = ','
    }
    if (text !== '') yield encoder.encode(text)
  }
  yield encoder.encode(`${openUpTo(lists.length - 1)}]}}`)
}

async function* allParts(asking: Asking, begun: Begun): AsyncGenerator<SnapshotPart> {
  yield* begun.parts
  try {
    for (let { next } = begun; next !== null; ) {
      const part = await readPart(asking, next)
      if (!part.ok) throw new Unavailable(part.problem.code)
      yield part.value
      next = part.value.next
    }
  } catch (error) {
    // The answer has begun, so all that can be done is to break it off, which whoever reads it sees.
    log('error', 'a snapshot broke off', { eventId: asking.eventId, error })
    throw error
  }
}

/** Each part is a call of its own: the Gatekeeper judges scans in between. */
function readPart({ env, eventId, actor }: Asking, from: Position): Promise<Result<SnapshotPart>> {
  return askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.snapshotPart(actor, from))
}

function joinRows(parts: SnapshotPart[]): PackedRows {
  const join = (kind: keyof PackedRows) => concatBytes(...parts.map(({ rows }) => rows[kind]))
  return { standings: join('standings'), states: join('states'), codes: join('codes') }
}

function lengthOf({ standings, states, codes }: PackedRows): number {
  return standings.length + states.length + codes.length
}
