import type { RefusalReason } from '../../../core/verdict.ts'
import type { Entry } from '../things.ts'
import { words } from '../words/language.ts'
import type { TicketStatus } from './things.ts'

const t = words.value.outcomes

/** Why somebody was refused, in a word or two. */
export const reasons: Record<RefusalReason, string> = {
  unreadable: t.notATicket,
  forged: t.forged,
  wrong_event: t.otherEvent,
  event_closed: t.eventClosed,
  unknown: t.unknownCode,
  revoked: t.revoked,
  blocked: t.onHold,
  unpaid: t.notPaid,
  too_early: t.tooEarly,
  too_late: t.tooLate,
  wrong_gate: t.wrongGate,
  already_admitted: t.alreadyIn,
  limit_reached: t.entriesUsedUp,
  too_soon: t.tooSoonAgain,
  full: t.zoneFull,
  held_elsewhere: t.heldByAnotherGate,
}

export const verdicts: Record<string, string> = {
  admitted: t.admitted,
  exited: t.wentOut,
  visited: t.visited,
  refused: t.refused,
  annulled: t.takenBack,
  everyone_out: t.everybodyOut,
}

export const statuses: Record<TicketStatus, string> = {
  valid: t.valid,
  unpaid: t.notPaid,
  blocked: t.onHold,
  revoked: t.revoked,
}

/** Takes a machine word for a refusal, perhaps one that is newer than this page; gives what to show for it. */
export function reasonWords(code: string): string {
  return reasons[code as RefusalReason] ?? code
}

/** What a scan came to. */
export function outcomeWords({ verdict, code }: Pick<Entry, 'verdict' | 'code'>): string {
  return code ? reasonWords(code) : (verdicts[verdict] ?? verdict)
}
