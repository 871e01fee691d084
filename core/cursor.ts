import type { EventId, TicketId } from './ids.ts'
import { shardOf } from './shards.ts'

/**
 * How far somebody knows the event: the log up to `seq` and what was decided about tickets and configuration up to
 * `revision`. Clients take it as an opaque text. `epoch` changes where a Gatekeeper was set back to an earlier state.
 * `shards` is, of a divided event, up to which number of its own log each shard's scans are among them.
 */
export type Cursor = { seq: number; revision: number; epoch: number; shards?: readonly number[] }

/** Takes a cursor; gives its text. */
export function writeCursor({ seq, revision, epoch, shards = [] }: Cursor): string {
  return [`${seq}.${revision}.${epoch}`, ...shards].join('~')
}

/** Takes any text; gives the cursor in it, or null where it is none. */
export function readCursor(text: string): Cursor | null {
  const [, seq, revision, epoch, shards] = /^(\d{1,15})\.(\d{1,15})\.(\d{1,9})((?:~\d{1,15}){0,16})$/.exec(text) ?? []
  if (seq === undefined) return null
  const cursor = { seq: Number(seq), revision: Number(revision), epoch: Number(epoch) }
  return shards ? { ...cursor, shards: shards.slice(1).split('~').map(Number) } : cursor
}

/**
 * Takes a cursor, an event's id, a ticket's, and a scan's number in the log of whoever judged that ticket; gives whether
 * what is known up to the cursor has that scan in it.
 */
export function holdsScan({ seq, shards = [] }: Cursor, event: EventId, ticket: TicketId, number: number): boolean {
  const shard = shardOf(event, ticket)
  return number <= (shard === 0 ? seq : (shards[shard - 1] ?? 0))
}

/** Whether somebody who knows the event up to `known` knows all that `needed` stands for. */
export function covers(known: string, needed: string): boolean {
  const [has, wants] = [readCursor(known), readCursor(needed)]
  if (has === null || wants === null) return false
  return has.epoch === wants.epoch && has.seq >= wants.seq && has.revision >= wants.revision
}
