import { availableParallelism } from 'node:os'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { type Less, shrink } from '../shrink.ts'
import { type OfflinePolicy, type Trouble, troubles } from './evening.ts'
import { counted, playEvening, type Run } from './play.ts'
import { type Rule, ruleNames } from './rules.ts'

/*
 * `npm run simulate -- --rules`: evening after evening by the rules alone, on as many cores as one likes. Each worker plays
 * evenings of its own, so that the same seeds are played however many there are.
 */

/** What was asked for at the command line. */
export type Wanted = {
  seed: number
  /** In all, and at most for so long; null: no end. Both null: one evening. */
  scans: number | null
  minutes: number | null
  policy: OfflinePolicy | null
  workers: number
  ofEach: number
  without: readonly Trouble[]
  broken: Rule | null
}

type Share = Wanted & { first: number }
type Total = Record<'scans' | 'evenings' | (typeof counted)[number], number>
type FromWorker = { kind: 'played'; total: Total } | { kind: 'failed'; lines: string[] }

const policies: readonly OfflinePolicy[] = ['strict', 'admit', 'never']
const TELL_EVERY_MS = 500
const PROGRESS_EVERY_MS = 60_000

export function wantedOf(values: Record<string, string | boolean | undefined>): Wanted {
  const number = (name: string) => (values[name] === undefined ? null : Number(values[name]))
  const broken = ruleNames.find((name) => name === values.mutant) ?? null
  if (values.mutant !== undefined && broken === null) throw new Error(`--mutant is one of ${ruleNames.join(', ')}`)
  return {
    seed: number('seed') ?? 1,
    scans: number('scans'),
    minutes: number('minutes'),
    policy: policies.find((policy) => policy === values.policy) ?? null,
    workers: Math.min(number('workers') ?? 1, availableParallelism()),
    ofEach: number('of-each') ?? 500,
    without: troubles.filter((trouble) =>
      String(values.without ?? '')
        .split(',')
        .includes(trouble),
    ),
    broken,
  }
}

/** Plays what is wanted, says in one line what happened, and gives the process's exit code. */
export async function simulateRules(wanted: Wanted): Promise<number> {
  const startedAt = performance.now()
  const workers = isOneAlone(wanted) ? 1 : wanted.workers
  const totals = Array.from({ length: workers }, nothing)
  const sofar = () => sentence(sum(totals), (performance.now() - startedAt) / 1000, workers)
  const progress = setInterval(() => console.error(sofar()), PROGRESS_EVERY_MS)
  const codes = await Promise.all(totals.map((_, first) => inWorker({ ...wanted, workers, first }, totals)))
  clearInterval(progress)
  console.log(sofar())
  return Math.max(...codes)
}

function inWorker(share: Share, totals: Total[]): Promise<number> {
  const worker = new Worker(import.meta.filename, {
    workerData: share,
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  })
  return new Promise((resolve, reject) => {
    worker.on('message', (told: FromWorker) => {
      if (told.kind === 'played') totals[share.first] = told.total
      else for (const line of told.lines) console.error(line)
    })
    worker.once('error', reject)
    worker.once('exit', resolve)
  })
}

/** In a worker: every so many-th evening, until it is enough. */
async function playShare(share: Share): Promise<void> {
  const { seed, scans, minutes, policy, workers, ofEach, without, broken, first } = share
  const total = nothing()
  const most = scans === null ? Number.POSITIVE_INFINITY : Math.ceil(scans / ofEach)
  const limitMs = minutes === null ? Number.POSITIVE_INFINITY : minutes * 60_000
  const startedAt = performance.now()
  let toldAt = startedAt
  for (let evening = first; evening < most; evening += workers) {
    const at = performance.now()
    if (at - startedAt >= limitMs) break
    if (at - toldAt > TELL_EVERY_MS) {
      toldAt = at
      parentPort?.postMessage({ kind: 'played', total } satisfies FromWorker)
    }
    const no = seed + evening
    const run: Run = { seed: no, scans: ofEach, policy: policy ?? (policies[no % 3] as OfflinePolicy), without, broken }
    const ran = playEvening(run)
    total.evenings += 1
    total.scans += ofEach
    for (const name of counted) total[name] += ran[name]
    if (ran.violation !== null) {
      parentPort?.postMessage({ kind: 'failed', lines: await failed(run, ran.violation) } satisfies FromWorker)
      process.exitCode = 1
      break
    }
    if (isOneAlone(share)) break
  }
  parentPort?.postMessage({ kind: 'played', total } satisfies FromWorker)
}

/** What went wrong, as small as it gets, and how to play it again. */
async function failed(run: Run, violation: string): Promise<string[]> {
  // What was made small already is only told again.
  const isSmall = (run.without ?? []).length > 0
  const asPlayed = { scans: run.scans, without: run.without ?? [], violation }
  const violationOf = (less: Less<Trouble>) => playEvening({ ...run, ...less }).violation
  const small = isSmall ? asPlayed : await shrink(asPlayed, troubles, violationOf)
  const options = [
    `--rules --seed ${run.seed} --policy ${run.policy} --of-each ${small.scans}`,
    ...(small.without.length > 0 ? [`--without "${small.without.join(',')}"`] : []),
    ...(run.broken ? [`--mutant ${run.broken}`] : []),
  ]
  return [
    `seed ${run.seed} (${run.policy}): ${violation}`,
    ...playEvening({ ...run, scans: small.scans, without: small.without, tells: true }).story,
    `the least that fails: ${small.violation}\n  npm run simulate -- ${options.join(' ')}`,
  ]
}

function isOneAlone({ scans, minutes }: Wanted): boolean {
  return scans === null && minutes === null
}

function nothing(): Total {
  const zeros = Object.fromEntries(counted.map((name) => [name, 0])) as Record<(typeof counted)[number], number>
  return { scans: 0, evenings: 0, ...zeros }
}

function sum(totals: readonly Total[]): Total {
  const all = nothing()
  for (const one of totals) for (const name of Object.keys(all) as (keyof Total)[]) all[name] += one[name]
  return all
}

function sentence(total: Total, seconds: number, workers: number): string {
  const { scans, evenings, shown, admitted, alone, conflicts, lostStorages, appDeaths, crashes } = total
  const perCore = Math.round(scans / seconds / workers)
  return (
    `${scans} scans in ${evenings} evenings, ${shown} shown, ${admitted} let in, ${alone} decided alone, ${conflicts} conflicts, ` +
    `${total.decisions} tickets revoked, blocked, restored or reissued, ${total.leasesMoved} leases taken, ${appDeaths} apps that died, ` +
    `${lostStorages} lost storages, ${crashes} crashes of the Gatekeeper, ${Math.round(total.virtualMs / 3_600_000)} hours at ` +
    `the doors in ${Math.round(seconds)} s, ${perCore} scans a second of each of ${workers}`
  )
}

if (parentPort !== null && isShare(workerData)) await playShare(workerData)

function isShare(data: unknown): data is Share {
  return typeof data === 'object' && data !== null && 'first' in data && 'ofEach' in data
}
