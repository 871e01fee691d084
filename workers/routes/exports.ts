import { attachment, fileNamePart } from '../../core/file-name.ts'
import type { EventId } from '../../core/ids.ts'
import { log } from '../../durable-objects/logging.ts'
import type { Role } from '../access.ts'
import { type ExportFormat, type ExportKind, exportKinds, exportText } from '../exports.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem } from '../problems.ts'
import { type Call, route } from '../route.ts'
import { iso } from '../shapes.ts'
import { caughtUp } from './analytics.ts'

export const contentTypes: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

/** Tickets hold people's names; the log names nobody. */
const roles: Record<ExportKind, Role> = {
  tickets: 'organiser',
  entries: 'viewer',
  duplicates: 'viewer',
  audit: 'organiser',
}

const summaries: Record<ExportKind, string> = {
  tickets: 'Every ticket with its people and where it stands',
  entries: 'The whole log, as far as X-Pending-Entries says',
  audit: 'Everything that people and their keys changed',
  duplicates: 'Every ticket that was shown again, with the admission it repeats',
}

export const exportRoutes = exportKinds.flatMap((kind) =>
  (['csv', 'ndjson'] as const).map((format) =>
    route({
      method: 'get',
      path: `/api/events/{eventId}/exports/${kind}.${format}`,
      summary: `${summaries[kind]}, streamed as ${format.toUpperCase()}`,
      tag: 'Exports',
      role: roles[kind],
      audit: `${kind}.exported`,
      handle: (call) => exportAs(call, kind, format),
    }),
  ),
)

type ExportCall = Call<unknown, unknown>

async function exportAs(call: ExportCall, kind: ExportKind, format: ExportFormat): Promise<Response> {
  const { env, eventId, actor, origin, at } = call
  const live = await caughtUp(call)
  if (!live.ok) return answerProblem(live.problem)
  const { event, gates, pending } = live.value
  const linking = { origin, ring: ringOf(env), eventId }
  const gateNames = new Map(gates.map(({ id, name }) => [id as string, name]))
  const text = exportText(kind, format, { env, actor, eventId, linking, event, gateNames })
  // The head and the first page are made before the answer begins, so that what cannot be had at all is still a 503.
  const head = await text.next()
  const first = head.done ? head : await text.next()
  const begun = [head, first].map(({ done, value }) => (done ? '' : value)).join('')
  return new Response(streamed(begun, text, eventId), {
    headers: {
      'Content-Type': contentTypes[format],
      'Content-Disposition': attachment(`${fileNamePart(event.title)} - ${kind}.${format}`),
      'Cache-Control': 'no-store',
      'X-Event-Timezone': event.timezone,
      'X-Exported-At': iso(at),
      // Tickets come from the Gatekeeper itself; the log comes from D1, which may lack its last entries.
      'X-Pending-Entries': String(kind === 'tickets' || kind === 'audit' ? 0 : pending),
    },
  })
}

/** Makes the next piece when the reader has taken the one before, and stops when nobody reads any more. */
export function streamed(
  begun: string,
  rest: AsyncGenerator<string>,
  eventId: EventId | null,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start: (controller) => (begun === '' ? undefined : controller.enqueue(encoder.encode(begun))),
    async pull(controller) {
      try {
        let next = await rest.next()
        // A page may be empty, and a pull that gives nothing is never followed by another.
        while (next.value === '') next = await rest.next()
        if (next.done) controller.close()
        else controller.enqueue(encoder.encode(next.value))
      } catch (error) {
        // The answer has begun, so it cannot become a 503: it breaks off, and whoever reads it sees that.
        log('error', 'an export broke off', { ...(eventId === null ? {} : { eventId }), error })
        controller.error(error)
      }
    },
    cancel: async () => {
      await rest.return(undefined)
    },
  })
}
