import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Call } from './calls.ts'
import { Connection } from './connection.ts'
import type { Answer } from './http-answer.ts'

/** What one window showed. Latencies are in milliseconds, in no order; `calls` counts the lead-in's too. */
export type Load = { perSecond: number; latencies: number[]; calls: number }

/** Calls made in the lead-in are checked like all others and not counted. */
export type Window = { leadInMs: number; windowMs: number }

/** Something that asks one thing at a time and waits for its answer. */
export type Asker = { ask: (request: string, answered: (answer: Answer) => void) => void; close: () => void }

/** How an asker comes to be: kept-alive HTTP to a port, or whatever else is opened. The first one has number 0. */
export type Target = number | ((no: number, onFailure: (error: Error) => void) => Promise<Asker>)

/** Each connection asks again as soon as it was answered. */
export async function closedLoop(to: Target, connections: number, next: () => Call, window: Window): Promise<Load> {
  return withConnections(to, connections, async (pool, fail) => {
    const latencies: number[] = []
    let calls = 0
    const from = performance.now() + window.leadInMs
    const until = from + window.windowMs
    await Promise.all(
      pool.map(
        (connection) =>
          new Promise<void>((done) => {
            const ask = () => {
              const askedAt = performance.now()
              if (askedAt >= until) return done()
              send(connection, next(), fail, () => {
                const answeredAt = performance.now()
                calls++
                if (answeredAt >= from && answeredAt < until) latencies.push(answeredAt - askedAt)
                ask()
              })
            }
            ask()
          }),
      ),
    )
    return { perSecond: (latencies.length * 1000) / window.windowMs, latencies, calls }
  })
}

/**
 * Calls come at a fixed rate whatever becomes of those before, as people do at a door. One that finds no free
 * connection waits for it, and its latency counts from when it was due.
 */
export async function openLoop(to: Target, rate: number, next: () => Call, window: Window): Promise<Load> {
  return withConnections(to, OPEN_LOOP_CONNECTIONS, async (idle, fail) => {
    const latencies: number[] = []
    const count = Math.round(((window.leadInMs + window.windowMs) * rate) / 1000)
    const startAt = monotonicMs() + 20
    const pacer = new Worker(join(import.meta.dirname, 'pacer.ts'), {
      workerData: { startAt, intervalMs: 1000 / rate, count },
    })
    const paced = once(pacer, 'exit')
    await new Promise<void>((done) => {
      let sent = 0
      let answered = 0
      const sendDue = () => {
        for (; sent < count; sent++) {
          const dueAt = startAt + (sent * 1000) / rate
          if (dueAt > monotonicMs()) return
          const connection = idle.shift()
          if (!connection) return
          send(connection, next(), fail, () => {
            if (dueAt - startAt >= window.leadInMs) latencies.push(monotonicMs() - dueAt)
            idle.push(connection)
            answered++
            if (answered === count) done()
            else sendDue()
          })
        }
      }
      pacer.on('message', sendDue)
    })
    await paced
    return { perSecond: (latencies.length * 1000) / window.windowMs, latencies, calls: count }
  })
}

const OPEN_LOOP_CONNECTIONS = 64

/** Milliseconds of a clock that all threads share. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function send(connection: Asker, call: Call, fail: (error: Error) => void, answered: () => void): void {
  connection.ask(call.request, (answer) => {
    if (call.isRight(answer)) answered()
    else fail(new Error(`a wrong answer: ${answer.status} ${answer.body}\nto ${call.request}`))
  })
}

/** Whatever goes wrong on any connection ends the whole. */
async function withConnections<T>(
  to: Target,
  count: number,
  use: (connections: Asker[], fail: (error: Error) => void) => Promise<T>,
): Promise<T> {
  const failure = Promise.withResolvers<never>()
  // It may fail before anybody waits for it.
  failure.promise.catch(() => {})
  const open = (no: number) => (typeof to === 'number' ? Connection.open(to, failure.reject) : to(no, failure.reject))
  const opened = await Promise.all(Array.from({ length: count }, (_, no) => open(no)))
  try {
    return await Promise.race([use([...opened], failure.reject), failure.promise])
  } finally {
    for (const connection of opened) connection.close()
  }
}
