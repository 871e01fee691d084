import { AccessUnavailable } from './cloudflare-access.ts'
import { Unavailable } from './gatekeepers.ts'

/** SQLite's words for a disk that fails, is full or is not there, as they end its messages. A fault in a statement has others. */
const storageFails = /\bSQLITE_(IOERR|FULL|NOMEM|BUSY|LOCKED|CANTOPEN|READONLY|PROTOCOL)\b/

/**
 * Whether an error means that the answer is not known yet, so that the same request may be sent again: something that we
 * lean on is away. Any other error is a bug.
 */
export function isUnavailable(error: unknown): boolean {
  if (Unavailable.is(error) || error instanceof AccessUnavailable) return true
  // What a Gatekeeper throws comes over as a message, and drizzle tells of D1 in an error of its own.
  return [error, error instanceof Error && error.cause].some(
    (one) => one instanceof Error && (one.message.startsWith('D1_ERROR') || storageFails.test(one.message)),
  )
}
