import { type Api, Refusal } from './api.ts'
import type { Row, RowProblem } from './attendees.ts'
import { Failure } from './failure.ts'

/** How many tickets are new, how many were there already, and what is wrong with the others. */
export type Issued = { created: number; existed: number; problems: RowProblem[] }

/**
 * Issues tickets in batches, telling after each how many rows are done. A wrong row is set aside and the others of
 * its batch are issued.
 */
export async function issueTickets(
  api: Api,
  eventId: string,
  rows: Row[],
  onProgress: (done: number) => void = () => {},
): Promise<Issued> {
  const issued: Issued = { created: 0, existed: 0, problems: [] }
  for (let done = 0; done < rows.length; done += batchSize) {
    try {
      await issueBatch(api, eventId, rows.slice(done, done + batchSize), issued)
    } catch (error) {
      if (!(error instanceof Failure) || done === 0) throw error
      throw new Failure(
        `${error.message} Issued before that: ${issued.created + issued.existed} of ${rows.length} rows; run it again, since a reference is never issued twice.`,
      )
    }
    onProgress(Math.min(done + batchSize, rows.length))
  }
  return issued
}

const batchSize = 500

type Answer = { data: { tickets: { created: boolean }[] } }
type Issue = { index?: number; field: string; message: string }

async function issueBatch(api: Api, eventId: string, rows: Row[], issued: Issued): Promise<void> {
  if (rows.length === 0) return
  try {
    const path = `/api/events/${encodeURIComponent(eventId)}/tickets`
    const { data } = await api.post<Answer>(path, { tickets: rows.map(({ ticket }) => ticket) }, patienceFor(rows))
    const created = data.tickets.filter((ticket) => ticket.created).length
    issued.created += created
    issued.existed += data.tickets.length - created
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.status === 413 && rows.length > 1) {
      const half = Math.ceil(rows.length / 2)
      await issueBatch(api, eventId, rows.slice(0, half), issued)
      await issueBatch(api, eventId, rows.slice(half), issued)
      return
    }
    const wrong = wrongRows(error, rows)
    if (wrong.size === 0) throw error
    issued.problems.push(...[...wrong.values()].flat())
    const others = rows.filter((row) => !wrong.has(row))
    await issueBatch(api, eventId, others, issued)
  }
}

// Asking again after a lost answer is harmless only where every row has a reference.
function patienceFor(rows: Row[]): { tries: number; timeoutMs: number } {
  return { tries: rows.every(({ ticket }) => ticket.reference) ? 4 : 1, timeoutMs: 60_000 }
}

function wrongRows(refusal: Refusal, rows: Row[]): Map<Row, RowProblem[]> {
  const wrong = new Map<Row, RowProblem[]>()
  const { issues } = (refusal.body.data ?? {}) as { issues?: Issue[] }
  for (const { index, field, message } of issues ?? []) {
    const row = index === undefined ? undefined : rows[index]
    if (row) wrong.set(row, [...(wrong.get(row) ?? []), { line: row.line, field, message }])
  }
  return wrong
}
