import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { ServerMessage } from '../core/live.ts'

/*
 * A thread of people who watch an event. All of them take what they are told; a few of them read it too, and say when
 * they heard of each scan.
 */

export type Listening = { address: string; tickets: string[]; readers: number }

/** So many scans there were: they go once each reader has heard of all, or after a while. */
export type Awaited = { scans: number }

/** What was heard until then: each scan with the time, by each reader; and all messages by anybody. */
export type Heard = { scans: [scanId: string, at: number][]; messages: number }

/** A batch is told within a quarter of a second, and on a busy machine later. */
const PATIENCE_MS = 5000

const { address, tickets, readers } = workerData as Listening
const heard: Heard = { scans: [], messages: 0 }
let isLeaving = false

const sockets = await Promise.all(tickets.map((ticket, i) => open(ticket, i < readers)))
parentPort?.on('message', async ({ scans }: Awaited) => {
  const expected = scans * Math.min(readers, tickets.length)
  const until = performance.now() + PATIENCE_MS
  while (heard.scans.length < expected && performance.now() < until) await sleep(20)
  isLeaving = true
  for (const socket of sockets) socket.close()
  parentPort?.postMessage(heard)
  parentPort?.close()
})
parentPort?.postMessage('ready')

function open(ticket: string, isReader: boolean): Promise<WebSocket> {
  const socket = new WebSocket(`${address}?topics=stats,scans,alerts&ticket=${ticket}`)
  socket.addEventListener('message', ({ data }) => {
    heard.messages++
    if (isReader) read(JSON.parse(String(data)))
  })
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(socket))
    socket.addEventListener('error', () => reject(new Error('a listener was turned away')))
    socket.addEventListener('close', ({ code }) => {
      // Thrown out of the thread: with fewer who listen, the figures would be of something else.
      if (!isLeaving) throw new Error(`a listener was hung up on with ${code}`)
    })
  })
}

function read(message: ServerMessage): void {
  if (message.type !== 'scans') return
  const at = Date.now()
  for (const { scanId } of message.items) heard.scans.push([scanId, at])
}
