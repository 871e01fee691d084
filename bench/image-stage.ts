import { setTimeout as sleep } from 'node:timers/promises'
import { type Api, connect } from '../cli/api.ts'
import { type EventId, parseUuid, type TicketId } from '../core/ids.ts'
import type { Call } from './calls.ts'
import { startPeer } from './image-peer.ts'
import { closedLoop, type Load, type Window } from './load.ts'
import type { Server } from './server.ts'

export type Format = 'svg' | 'png'

/** One of the two that are compared. `asked` is how many of the cold refs were used up since all was last cleared. */
export type Side = { name: string; port: number; pid: number; clear: () => Promise<void>; asked: number }

/** An event whose images are asked for, of us and of a peer where this machine can run it. */
export type ImageStage = {
  api: Api
  eventId: EventId
  refs: string[]
  sides: Side[]
  /** The first refs are kept warm: as many as open their ticket in the same minute. */
  warm: number
  /** More than one cold window takes. */
  mostCold: number
  /** Answers from a cache that was to be empty, or not from one that was to be full: nobody is to be deceived. */
  astray: number
  stop: () => Promise<void>
}

export type ImageSizes = { tickets: number; warm: number; mostCold: number; processes: number }

export const IMAGE_CONNECTIONS = 64
const SETTLE_MS = 1500

export async function setImageStage(server: Server, { tickets, processes, ...sizes }: ImageSizes): Promise<ImageStage> {
  const api = await newApi(server)
  const eventId = await newEvent(api)
  const refs = await issueTickets(api, eventId, tickets)
  const ours: Side = {
    name: 'Admit One',
    port: server.port,
    pid: server.pid,
    clear: async () => void (await api.delete(`/api/events/${eventId}/qr-cache`)),
    asked: 0,
  }
  const peer = await startPeer(new Map(refs.map((ref, i) => [ref, tokenLike(i)])), processes)
  const sides = peer ? [ours, { name: 'Express', asked: 0, ...peer }] : [ours]
  return { api, eventId, refs, sides, ...sizes, astray: 0, stop: async () => peer?.stop() }
}

/** Images that nobody asked for yet. */
export async function measureCold(stage: ImageStage, side: Side, format: Format, window: Window): Promise<Load> {
  const { refs, warm, mostCold } = stage
  if (warm + side.asked > refs.length - mostCold) await startAnew(stage, side, format)
  const next = imageCalls(stage, refs.slice(warm + side.asked), format, 'miss')
  const load = await closedLoop(side.port, IMAGE_CONNECTIONS, next, window)
  side.asked += load.calls
  return load
}

/** Brings the warm images back after others were drawn. */
export async function warmUp(stage: ImageStage, side: Side, format: Format): Promise<void> {
  // What was cold has taken the place of what was warm, and is perhaps still on its way to KV.
  await sleep(SETTLE_MS)
  await fill(stage, side, format)
}

export async function measureWarm(stage: ImageStage, side: Side, format: Format, window: Window): Promise<Load> {
  return closedLoop(side.port, IMAGE_CONNECTIONS, imageCalls(stage, warmRefs(stage), format, 'hit'), window)
}

/** Empties a side's cache and asks for each of the warm images once. */
export async function startAnew(stage: ImageStage, side: Side, format: Format): Promise<void> {
  await side.clear()
  side.asked = 0
  await fill(stage, side, format)
}

/** Asks for each warm image once, so that it is warm whatever the server does behind its answer. */
export async function fill(stage: ImageStage, side: Side, format: Format): Promise<void> {
  const next = imageCalls(stage, warmRefs(stage), format, null)
  let asked = 0
  const window = { leadInMs: 0, windowMs: 100 }
  while (asked < stage.warm) asked += (await closedLoop(side.port, IMAGE_CONNECTIONS, next, window)).calls
}

export function warmRefs({ refs, warm }: ImageStage): string[] {
  return refs.slice(0, warm)
}

/** Asks for images in turn. `cache` is where each is to come from; null: from anywhere. */
export function imageCalls(
  stage: ImageStage,
  refs: string[],
  format: Format,
  cache: 'hit' | 'miss' | null,
): () => Call {
  let at = 0
  return () => {
    const path = `/qr/${refs[at++ % refs.length]}.${format}`
    return {
      request: `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
      isRight: ({ status, head, body }) => {
        if (cache !== null && !head.includes(`x-cache: ${cache}`)) stage.astray++
        return status === 200 && (format === 'png' ? body.includes('PNG') : body.trimEnd().endsWith('</svg>'))
      },
    }
  }
}

/** As long as a code of ours, of the same alphabet. */
function tokenLike(seed: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let state = seed + 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return alphabet[state >>> 27]
  }
  return `A1${Array.from({ length: 210 }, next).join('')}`
}

async function newApi({ url, adminKey }: Server): Promise<Api> {
  type Created = { data: { key: string } }
  const { key } = (await connect(url, adminKey).post<Created>('/api/organisations', { name: 'Bench' })).data
  return connect(url, key)
}

async function newEvent(api: Api): Promise<EventId> {
  const { event } = (
    await api.post<{ data: { event: { id: string } } }>('/api/events', {
      title: 'Bench',
      startsAt: new Date(Date.now() + 72 * 3_600_000).toISOString(),
      endsAt: new Date(Date.now() + 80 * 3_600_000).toISOString(),
      timezone: 'Europe/Berlin',
    })
  ).data
  const eventId = parseUuid<EventId>(event.id)
  if (eventId === null) throw new Error(`the server named an event "${event.id}"`)
  await api.put(`/api/events/${eventId}/ticket-types/standard`, { name: 'Standard' })
  return eventId
}

/** Gives the refs in the addresses of the tickets' images. */
async function issueTickets(api: Api, eventId: EventId, count: number): Promise<string[]> {
  const refs: string[] = []
  while (refs.length < count) {
    const tickets = Array.from({ length: 500 }, (_, i) => ({
      type: 'standard',
      holder: { name: `Guest ${i}`, email: `guest${i}@example.com` },
    }))
    const issued = await api.post<{ data: { tickets: { id: TicketId; qr: { svg: string } }[] } }>(
      `/api/events/${eventId}/tickets`,
      { tickets },
    )
    refs.push(...issued.data.tickets.map(({ qr }) => /qr\/(.+)\.svg/.exec(qr.svg)?.[1] ?? ''))
  }
  return refs
}
