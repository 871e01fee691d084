import type { RefusalReason } from '../../../core/verdict.ts'
import type { Entry } from '../things.ts'
import type { TicketStatus } from './things.ts'

/** Why somebody was refused, in a word or two. */
export const reasons: Record<RefusalReason, string> = {
  unreadable: 'Not a ticket',
  forged: 'Forged',
  wrong_event: 'Other event',
  event_closed: 'Event closed',
  unknown: 'Unknown code',
  revoked: 'Revoked',
  blocked: 'On hold',
  unpaid: 'Not paid',
  too_early: 'Too early',
  too_late: 'Too late',
  wrong_gate: 'Wrong gate',
  already_admitted: 'Already in',
  limit_reached: 'Entries used up',
  too_soon: 'Too soon again',
  full: 'Zone full',
  held_elsewhere: 'Held by another gate',
}

export const verdicts: Record<string, string> = {
  admitted: 'Admitted',
  exited: 'Went out',
  visited: 'Visited',
  refused: 'Refused',
  annulled: 'Taken back',
  everyone_out: 'Everybody out',
}

export const statuses: Record<TicketStatus, string> = {
  valid: 'Valid',
  unpaid: 'Not paid',
  blocked: 'On hold',
  revoked: 'Revoked',
}

/** Takes a machine word for a refusal, perhaps one that is newer than this page; gives what to show for it. */
export function reasonWords(code: string): string {
  return reasons[code as RefusalReason] ?? code
}

/** What a scan came to. */
export function outcomeWords({ verdict, code }: Pick<Entry, 'verdict' | 'code'>): string {
  return code ? reasonWords(code) : (verdicts[verdict] ?? verdict)
}
