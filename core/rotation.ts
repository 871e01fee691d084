/** How long a rotating code is good, and how often the attendee's page shows the next. */
export const ROTATING_LIFE_MS = 30_000
export const ROTATES_EVERY_MS = 15_000

/** A ticket's own window, in milliseconds since 1970; null: no limit. */
type TicketWindow = { validFrom: number | null; validUntil: number | null }

/** The code of a moment: what goes into its token in seconds since 1970, and when the next one takes its place. */
export type Turn = { window: { validFrom: number; validUntil: number }; nextAt: number }

/**
 * Takes a ticket's window and the time in milliseconds since 1970; gives the turn of that moment. Everybody who asks in
 * the same turn gets the same token. Outside the ticket's window the token's is empty, so that a device that judges
 * alone refuses it too.
 */
export function turnAt({ validFrom, validUntil }: TicketWindow, at: number): Turn {
  const startedAt = Math.floor(at / ROTATES_EVERY_MS) * ROTATES_EVERY_MS
  const endsAt = startedAt + ROTATING_LIFE_MS
  return {
    window: {
      validFrom: Math.max(startedAt, validFrom ?? startedAt) / 1000,
      validUntil: Math.min(endsAt, validUntil ?? endsAt) / 1000,
    },
    nextAt: startedAt + ROTATES_EVERY_MS,
  }
}
