import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { OfflineScan } from '../../core/device-messages.ts'
import { Chance } from '../chance.ts'
import { Contents } from '../process/stored.ts'
import { type Hostile, hostileRequest } from './naughty.ts'
import { type Operation, operationsIn, type Schema } from './operations.ts'
import { AT_ONCE, PATIENCE_MS, Sender } from './sender.ts'
import { type Answered, faultOf, isHeard, isTurnedDown } from './verdicts.ts'
import { describedAt, makeWorld, type World } from './world.ts'

export type Fault = { no: number; call: string; what: string; request: Hostile; answer: Answered | null }
export type Run = {
  sent: number
  byStatus: Record<string, number>
  /** Of each call, how often it was made, and how often it came past the door: to where what it brings is read. */
  byCall: Record<string, { sent: number; heard: number }>
  watched: number
  faults: Fault[]
  /** What took the server long to refuse, even when it was asked again with nothing else to do. */
  slow: { no: number; call: string; ms: number }[]
}

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
/** Of each stretch so many are sent alone, and what is stored is looked at before and after; the rest flows. */
const A_STRETCH = 1000
const WATCHED = 10
/** Nothing that is refused may take the server longer. */
const SLOW_MS = 250

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
  const operations = byWhatTheyTake(operationsIn(await describedAt(url)).map(withScans))
  const run: Run = { sent: 0, byStatus: {}, byCall: {}, watched: 0, faults: [], slow: [] }
  const sender = new Sender(url)
  for (let no = from; no < from + count && Date.now() < until; no += A_WORLD) {
    const world = await makeWorld(url)
    const contents = new Contents(stateDir, world.eventId)
    const end = Math.min(no + A_WORLD, from + count)
    const doubtful: Slow[] = []
    for (let first = no; first < end && Date.now() < until; first += A_STRETCH) {
      const last = Math.min(first + A_STRETCH, end)
      const alone = Math.min(first + WATCHED, last)
      for (const one of numbers(first, alone, until)) {
        doubtful.push(...(await sendWatched(sender, contents, make(operations, world, seed, one), run)))
      }
      const together = numbers(alone, last, until)
      const worker = async () => {
        for (const one of together) {
          doubtful.push(...(await sendTogether(sender, make(operations, world, seed, one), run)))
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      onProgress?.(run)
    }
    contents.close()
    for (const one of doubtful) await timeAgain(sender, one, run)
  }
  sender.close()
  return run
}

type Made = { no: number; call: string; request: Hostile }
type Slow = Made & { ms: number }

function* numbers(from: number, to: number, until: number): Generator<number> {
  for (let no = from; no < to && Date.now() < until; no++) yield no
}

/**
 * The calls in groups that are tried alike often. What brings nothing but its path has little that can be wrong: it is
 * mostly right, and what is right takes the server the longest.
 */
function byWhatTheyTake(operations: Operation[]): Operation[][] {
  const bringing = operations.filter(({ body }) => body !== null)
  const asking = operations.filter(({ body, query }) => body === null && Object.keys(query).length > 0)
  const naming = operations.filter(({ body, query }) => body === null && Object.keys(query).length === 0)
  return [...Array<Operation[]>(6).fill(bringing), ...Array<Operation[]>(3).fill(asking), naming]
}

function make(operations: Operation[][], world: World, seed: number, no: number): Made {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) + no)
  const operation = chance.of(chance.of(operations))
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
  const { sent, heard } = run.byCall[made.call] ?? { sent: 0, heard: 0 }
  run.byCall[made.call] = { sent: sent + 1, heard: heard + Number(answer !== null && isHeard(answer)) }
  const what = isStored ? 'is turned down, and something of it is stored' : wrongWith(made.request, answer)
  const isKnown = run.faults.some((fault) => fault.call === made.call && fault.what === what)
  if (what !== null && !isKnown) run.faults.push({ ...made, what, answer })
}

function wrongWith(asked: Hostile, answer: Answered | null): string | null {
  return answer === null ? `is not answered, in ${PATIENCE_MS / 1000} s or at all` : faultOf(asked, answer)
}

/** Sends a request beside others; gives it back where it took long to be refused. */
async function sendTogether(sender: Sender, made: Made, run: Run): Promise<Slow[]> {
  const startedAt = performance.now()
  const answer = await sender.send(made.request)
  note(run, made, answer)
  return slowOf(made, answer, performance.now() - startedAt)
}

function slowOf(made: Made, answer: Answered | null, ms: number): Slow[] {
  return answer !== null && answer.status >= 400 && ms > SLOW_MS ? [{ ...made, ms }] : []
}

/** What took long beside others may only have waited for them: the shortest of a few times alone is its own. */
async function timeAgain(sender: Sender, { no, call, request, ms }: Slow, run: Run): Promise<void> {
  let shortest = ms
  for (let attempt = 0; attempt < 5 && shortest > SLOW_MS; attempt++) {
    const startedAt = performance.now()
    await sender.send(request)
    shortest = Math.min(shortest, performance.now() - startedAt)
  }
  if (shortest > SLOW_MS) run.slow.push({ no, call, ms: Math.round(shortest) })
}

/**
 * Sends a request alone. Where it was turned down, nothing may have been stored; the outbox and the like store by
 * themselves now and then, so it is sent again before that is believed. Gives it back where it took long to be refused.
 */
async function sendWatched(sender: Sender, contents: Contents, made: Made, run: Run): Promise<Slow[]> {
  for (let attempt = 1; ; attempt++) {
    const before = contents.digest()
    const startedAt = performance.now()
    const answer = await sender.send(made.request)
    const ms = performance.now() - startedAt
    const mayStore = answer === null || !isTurnedDown(answer) || isCounted(made.request)
    const isStored = !mayStore && contents.digest() !== before
    if (!isStored || attempt === 5) {
      run.watched++
      note(run, made, answer, isStored)
      return slowOf(made, answer, ms)
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
