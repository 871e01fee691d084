import type { EventId } from '../core/ids.ts'
import type { ChunkResult, RowError } from '../core/job.ts'
import { defaultQrStyle } from '../core/qr.ts'
import type { WarmWork } from '../durable-objects/jobs/warming.ts'
import type { CodeTicket } from '../durable-objects/tickets/ticket-rows.ts'
import { codeOf } from './codes.ts'
import type { Env } from './env.ts'
import { warmImage } from './images.ts'

/** So many are drawn while others are on their way to KV. */
const AT_ONCE = 16

/** Draws the default images of a chunk of tickets and puts them into KV. One that KV does not take is told as failed. */
export async function warmTickets(env: Env, eventId: EventId, given: unknown): Promise<ChunkResult> {
  const work = given as WarmWork
  const errors: RowError[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let index = next++; index < work.tickets.length; index = next++) {
        const ticket = work.tickets[index] as CodeTicket
        try {
          await warmTicket(env, eventId, ticket, work)
        } catch (error) {
          // KV did not take it. The image is drawn when it is asked for.
          errors.push({ row: work.firstRow + index, field: 'image', message: `was not kept: ${error}` })
        }
      }
    }),
  )
  const images = (work.tickets.length - errors.length) * work.formats.length
  return { done: work.count - errors.length, failed: errors.length, outcome: { images }, errors }
}

async function warmTicket(env: Env, eventId: EventId, ticket: CodeTicket, work: WarmWork): Promise<void> {
  const code = await codeOf(env, eventId, ticket)
  const source = { ticket, rotating: false, generation: work.generation, clears: 0 }
  for (const format of work.formats) {
    await warmImage(env, { eventId, source, format, style: defaultQrStyle }, code, work.keepUntil)
  }
}
