import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

/** What is sent, so many a second, each to be refused. */
export type Flooding = { port: number; count: number; perSecond: number; forged: Forged[] }
/** A call as somebody makes it up; `{i}` in it is another number each time, and so is who it seems to come from. */
export type Forged = { method: string; path: string; headers: Record<string, string>; body?: string }
/** How many got which status. */
export type Flooded = { byStatus: Record<string, number>; tookMs: number }

// In a thread of its own, so that it is no part of what the devices wait for.
const { port, count, perSecond, forged } = workerData as Flooding
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const byStatus: Record<string, number> = {}
const startedAt = performance.now()
const underWay: Promise<void>[] = []
for (let i = 0; i < count; i++) {
  const waitMs = startedAt + (i * 1000) / perSecond - performance.now()
  if (waitMs > 2) await sleep(waitMs)
  underWay.push(send(forged[i % forged.length] as Forged, i))
}
await Promise.all(underWay)
agent.destroy()
parentPort?.postMessage({ byStatus, tookMs: performance.now() - startedAt } satisfies Flooded)

function send({ method, path, headers, body }: Forged, i: number): Promise<void> {
  const numbered = (text: string) => text.replaceAll('{i}', String(i))
  const all = Object.entries({ ...headers, 'CF-Connecting-IP': `203.0.113.${i % 20}` })
  const length = body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(numbered(body)))]]
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        port,
        agent,
        method,
        path: numbered(path),
        headers: Object.fromEntries([...all.map(([name, value]) => [name, numbered(value)]), ...length]),
      },
      (response) => {
        const status = String(response.statusCode)
        byStatus[status] = (byStatus[status] ?? 0) + 1
        response.resume().on('end', resolve)
      },
    )
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : numbered(body))
  })
}
