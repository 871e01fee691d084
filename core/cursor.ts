/**
 * How far somebody knows the event: the log up to `seq` and what was decided about tickets and configuration up to
 * `revision`. Clients take it as an opaque text. `epoch` changes where a Gatekeeper was set back to an earlier state.
 */
export type Cursor = { seq: number; revision: number; epoch: number }

/** Takes a cursor; gives its text. */
export function writeCursor({ seq, revision, epoch }: Cursor): string {
  return `${seq}.${revision}.${epoch}`
}

/** Takes any text; gives the cursor in it, or null where it is none. */
export function readCursor(text: string): Cursor | null {
  const [, seq, revision, epoch] = /^(\d{1,15})\.(\d{1,15})\.(\d{1,9})$/.exec(text) ?? []
  if (seq === undefined) return null
  return { seq: Number(seq), revision: Number(revision), epoch: Number(epoch) }
}

/** Whether somebody who knows the event up to `known` knows all that `needed` stands for. */
export function covers(known: string, needed: string): boolean {
  const [has, wants] = [readCursor(known), readCursor(needed)]
  if (has === null || wants === null) return false
  return has.epoch === wants.epoch && has.seq >= wants.seq && has.revision >= wants.revision
}
