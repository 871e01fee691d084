import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Call, nextCall } from './calls.ts'
import type { Awaited, Heard, Listening } from './listeners.ts'
import { openLoop, type Window } from './load.ts'
import type { Stage } from './stage.ts'

/** What scans felt of those who watched them, how long each took to reach a reader, and all messages to anybody. */
export type Watched = { latencies: number[]; reachMs: number[]; messages: number }

/** So many of those who watch read what they are told, too. */
const READERS = 10

/** Takes how many watch and how many scans come a second. There must be tickets for all of them. */
export async function watchedScans(stage: Stage, count: number, perSecond: number, window: Window): Promise<Watched> {
  const listeners = count === 0 ? null : await listen(stage, count)
  const sentAt = new Map<string, number>()
  const { latencies } = await openLoop(stage.port, perSecond, () => noted(sentAt, stage), window)
  const heard = (await listeners?.stop(sentAt.size)) ?? { scans: [], messages: 0 }
  const readers = Math.min(count, READERS)
  if (heard.scans.length !== sentAt.size * readers)
    throw new Error(`${readers} readers heard of ${heard.scans.length} scans, and there were ${sentAt.size}`)
  const reachMs = heard.scans.map(([scanId, at]) => {
    const sent = sentAt.get(scanId)
    if (sent === undefined) throw new Error(`a reader heard of ${scanId}, which nobody scanned`)
    return at - sent
  })
  return { latencies, reachMs, messages: heard.messages }
}

function noted(sentAt: Map<string, number>, stage: Stage): Call {
  const call = nextCall(stage, 'first')
  const scanId = /"scanId":"([^"]+)"/.exec(call.request)?.[1]
  if (scanId !== undefined) sentAt.set(scanId, Date.now())
  return call
}

async function listen({ api, eventId }: Stage, count: number) {
  const tickets: string[] = []
  for (let i = 0; i < count; i++) {
    type Ticket = { data: { ticket: string } }
    tickets.push((await api.post<Ticket>('/api/hp-scanner/live-tickets', { eventId })).data.ticket)
  }
  const address = `${api.url.replace('http', 'ws')}/api/hp-scanner/live/${eventId}`
  const workerData: Listening = { address, tickets, readers: READERS }
  const worker = new Worker(new URL('./listeners.ts', import.meta.url), { workerData })
  await once(worker, 'message')
  const stop = async (scans: number): Promise<Heard> => {
    const heard = once(worker, 'message')
    worker.postMessage({ scans } satisfies Awaited)
    return (await heard)[0]
  }
  return { stop }
}
