import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { OfflineScan } from '../../core/messages.ts'
import { Chance } from '../chance.ts'
import { Contents } from '../process/stored.ts'
import { type Hostile, hostileRequest } from './naughty.ts'
import { type Operation, operationsIn, type Schema } from './operations.ts'
import { type Answered, faultOf, isTurnedDown } from './verdicts.ts'
import { describedAt, makeWorld, type World } from './world.ts'

export type Fault = { no: number; call: string; what: string; request: Hostile; answer: Answered | null }
export type Run = { sent: number; byStatus: Record<string, number>; watched: number; faults: Fault[] }

type Wanted = {
  url: string
  stateDir: string
  seed: number
  /** The number of the first request, and how many there are. Each is the same again by its number and the seed. */
  from?: number
  count: number
  /** Ends sooner, at this time, in milliseconds since 1970. */
  until?: number
  onProgress?: (run: Run) => void
}

/** Requests of one world: what was changed in it for good, such as its limits, is behind us then. */
const A_WORLD = 5000
const AT_ONCE = 8
/** One in so many is sent alone, and what is stored is looked at before and after. */
const WATCHED = 100
const PATIENCE_MS = 20_000

/** Sends hostile requests; gives what was wrong with the answers, each fault of a call once. */
export async function fuzz({
  url,
  stateDir,
  seed,
  from = 0,
  count,
  until = Infinity,
  onProgress,
}: Wanted): Promise<Run> {
  const operations = operationsIn(await describedAt(url)).map(withScans)
  const run: Run = { sent: 0, byStatus: {}, watched: 0, faults: [] }
  const sender = new Sender(url)
  for (let no = from; no < from + count && Date.now() < until; no += A_WORLD) {
    const world = await makeWorld(url)
    const left = Math.min(A_WORLD, from + count - no)
    const contents = new Contents(stateDir, world.eventId)
    for (let i = 0; i < left && Date.now() < until; i += WATCHED) {
      const made = Array.from({ length: Math.min(WATCHED, left - i) }, (_, k) =>
        make(operations, world, seed, no + i + k),
      )
      const [alone, ...together] = made
      if (alone) await sendWatched(sender, contents, alone, run)
      const rest = together.values()
      const worker = async () => {
        for (const one of rest) note(run, one, await sender.send(one.request))
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      onProgress?.(run)
    }
    contents.close()
  }
  sender.close()
  return run
}

type Made = { no: number; call: string; request: Hostile }

function make(operations: Operation[], world: World, seed: number, no: number): Made {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) + no)
  const operation = chance.of(operations)
  return {
    no,
    call: `${operation.method} ${operation.path}`,
    request: hostileRequest(operation, world.wordsFor(operation), chance),
  }
}

function note(run: Run, made: Made, answer: Answered | null, isStored = false): void {
  run.sent++
  const status = String(answer?.status ?? 'none')
  run.byStatus[status] = (run.byStatus[status] ?? 0) + 1
  const what = isStored ? 'is turned down, and something of it is stored' : wrongWith(made.request, answer)
  const isKnown = run.faults.some((fault) => fault.call === made.call && fault.what === what)
  if (what !== null && !isKnown) run.faults.push({ ...made, what, answer })
}

function wrongWith(asked: Hostile, answer: Answered | null): string | null {
  return answer === null ? `is not answered in ${PATIENCE_MS / 1000} s` : faultOf(asked, answer)
}

/**
 * Sends a request alone. Where it was turned down, nothing may have been stored; the outbox and the like store by
 * themselves now and then, so it is sent again before that is believed.
 */
async function sendWatched(sender: Sender, contents: Contents, made: Made, run: Run): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = contents.digest()
    const answer = await sender.send(made.request)
    const mayStore = answer === null || !isTurnedDown(answer) || isCounted(made.request)
    const isStored = !mayStore && contents.digest() !== before
    if (!isStored || attempt === 5) {
      run.watched++
      return note(run, made, answer, isStored)
    }
    await sleep(300 * attempt)
  }
}

/** Wrong enrolment codes are counted, by design. */
function isCounted({ path }: Hostile): boolean {
  return path.startsWith('/api/devices/enrol')
}

/** What stands in a batch of scans is parsed by itself, and so is not in the description. */
const scanSchema = z.toJSONSchema(OfflineScan, { io: 'input', unrepresentable: 'any' }) as Schema

function withScans(operation: Operation): Operation {
  const scans = operation.body?.properties?.scans
  if (!operation.path.endsWith('/offline-sync') || !scans) return operation
  const properties = { ...operation.body?.properties, scans: { ...scans, items: scanSchema } }
  return { ...operation, body: { ...operation.body, properties } }
}

/** Sends requests as they are: nothing is put in order on the way, as `fetch` would. */
class Sender {
  readonly #url: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** null: no answer came in time, or none at all. */
  send({ method, path, headers, body }: Hostile): Promise<Answered | null> {
    return new Promise((resolve) => {
      const { hostname, port } = this.#url
      const length = body === null ? {} : { 'Content-Length': String(body.length) }
      const asked = request(
        { hostname, port, method, path, headers: { ...headers, ...length }, agent: this.#agent, timeout: PATIENCE_MS },
        (response) => {
          const chunks: Buffer[] = []
          const end = () => {
            const text = Buffer.concat(chunks).toString('utf8')
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
          }
          // A stream of events has no end; that it began is an answer.
          if (response.headers['content-type']?.startsWith('text/event-stream')) {
            end()
            response.destroy()
            return
          }
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', end)
          response.on('error', () => resolve(null))
        },
      )
      asked.on('timeout', () => asked.destroy())
      asked.on('error', () => resolve(null))
      if (body !== null) asked.write(body)
      asked.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
