import { AccessUnavailable } from './cloudflare-access.ts'
import { Unavailable } from './gatekeepers.ts'

/** SQLite's words for a disk that fails, is full or is not there, as they end its messages. A fault in a statement has others. */
const storageFails = /\bSQLITE_(IOERR|FULL|NOMEM|BUSY|LOCKED|CANTOPEN|READONLY|PROTOCOL)\b/

/**
 * What the platform says where it breaks a call itself, as where a commit fails that the answer waits for. What code of ours
 * throws comes over with its own message.
 */
const platformFails = /^internal error; reference = /

/**
 * Whether an error means that the answer is not known yet, so that the same request may be sent again: something that we
 * lean on is away. Any other error is a bug.
 */
export function isUnavailable(error: unknown): boolean {
  // What a Gatekeeper throws comes over as a message, and drizzle tells of D1 in an error of its own.
  return [error, error instanceof Error && error.cause].some(
    (one) => one instanceof Error && (one instanceof AccessUnavailable || Unavailable.is(one) || isAway(one)),
  )
}

function isAway({ message }: Error): boolean {
  return message.startsWith('D1_ERROR') || storageFails.test(message) || platformFails.test(message)
}
