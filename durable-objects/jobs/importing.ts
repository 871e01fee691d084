import type { TicketId, TypeId } from '../../core/ids.ts'
import type { ChunkResult, Job, RowError } from '../../core/job.ts'
import type { NewTicket } from '../../core/organiser-messages.ts'
import type { EventParts } from '../event-parts.ts'
import type { Issuing } from '../tickets/tickets.ts'
import type { GatekeeperWork } from './job-kinds.ts'
import type { Chunk } from './jobs.ts'

/** A row of a file that is to become a ticket, and the line it begins on. The id is made when it is staged. */
export type ImportRow = { row: number; id: TicketId; ticket: NewTicket }

/** What an event must say of itself before a file can be read: how many people each type still has room for, too. */
export type ImportContext = {
  timezone: string
  types: { id: TypeId; name: string; admits: number; left: number | null }[]
}

export function importContext({ configuration, tickets }: EventParts): ImportContext {
  const types = configuration.types.all().map((type) => {
    const { id, name, admits, capacity } = type
    return { id, name, admits, left: capacity === null ? null : tickets.left(type) }
  })
  return { timezone: configuration.event.timezone, types }
}

/** Issues the tickets of a chunk of rows. A wrong row is set aside; the others are issued. */
export function issueChunk(parts: EventParts, _job: Job, chunk: Chunk, at: number): GatekeeperWork {
  return { by: 'gatekeeper', result: issueRows(parts, chunk.payload as ImportRow[], at) }
}

/** Takes rows; gives what came of them. What is wrong with a row is told with its line. */
export function issueRows({ tickets }: EventParts, rows: ImportRow[], at: number): ChunkResult {
  const errors: RowError[] = []
  let left = rows
  for (;;) {
    const issued = tickets.issue(left.map(toIssuing), at)
    if (issued.ok) {
      const created = issued.value.filter((one) => one.created).length
      const existed = issued.value.length - created
      return { done: left.length, failed: rows.length - left.length, outcome: { created, existed }, errors }
    }
    const issues = issued.problem.code === 'bad_request' ? issued.problem.issues : []
    const wrong = new Set(issues.map(({ index }) => index))
    // A problem that names no row is none of a row's: the caller rolls back.
    if (![...wrong].some((index) => index !== undefined)) throw new Error(`rows not issued: ${issued.problem.code}`)
    for (const { index = -1, field, message } of issues) errors.push({ row: left[index]?.row ?? 0, field, message })
    left = left.filter((_, index) => !wrong.has(index))
  }
}

function toIssuing({ id, ticket }: ImportRow): Issuing {
  return { id, ticket }
}
