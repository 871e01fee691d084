import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import './in-node.ts'
import type { Trouble } from './scenario.ts'
import { type Less, shrink } from './shrink.ts'

/*
 * `npm run simulate`: evening after evening, on as many cores as one likes. An evening that fails is made as small as it
 * can be and still fail, and told with the command that plays it again.
 */

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    scans: { type: 'string' },
    minutes: { type: 'string' },
    policy: { type: 'string' },
    /** Among how many objects each event is divided, where its policy lets it be. */
    shards: { type: 'string' },
    workers: { type: 'string', default: '1' },
    /** Of one evening. */
    'of-each': { type: 'string', default: '500' },
    without: { type: 'string' },
    mutant: { type: 'string' },
    /** By the rules alone, everything round them in memory: many times as fast. */
    rules: { type: 'boolean' },
  },
})

if (values.rules) {
  const { simulateRules, wantedOf } = await import('./rules/command.ts')
  process.exit(await simulateRules(wantedOf(values)))
}

const { simulate } = await import('./run.ts')
const { mutants } = await import('./mutants.ts')
const { offlinePolicies, troubles } = await import('./scenario.ts')

const total = { scans: 0, shown: 0, admitted: 0, alone: 0, linearized: 0, restarts: 0, lostStorages: 0, virtualMs: 0 }
const mutant = (values.mutant === undefined ? null : mutants[values.mutant]) ?? null
if (values.mutant !== undefined && mutant == null)
  throw new Error(`--mutant is one of ${Object.keys(mutants).join(', ')}`)
const policies = offlinePolicies.filter((policy) => values.policy === undefined || policy === values.policy)
const without = troubles.filter((trouble) => values.without?.split(',').includes(trouble))
const scansOfEach = Number(values['of-each'])
const shards = values.shards === undefined ? (mutant?.shards ?? null) : Number(values.shards)
const startedAt = performance.now()
const workers = Number(values.workers)

if (workers > 1) await share()
else await play()

const { scans, shown, admitted, alone, linearized, restarts, lostStorages, virtualMs } = total
console.log(
  `${scans} scans, ${shown} shown, ${admitted} let in, ${alone} decided alone, ${linearized} tickets linearized, ` +
    `${restarts} starts of the Gatekeeper, ${lostStorages} lost storages, ${Math.round(virtualMs / 60_000)} minutes at ` +
    `the doors in ${Math.round((performance.now() - startedAt) / 1000)} s`,
)

/** Evenings from the first seed on; one alone where only a seed is given, as that is somebody who wants it again. */
async function play(): Promise<void> {
  const wanted = Number(values.scans ?? Number.POSITIVE_INFINITY)
  const limitMs = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes) * 60_000
  const isOneAlone = values.scans === undefined && values.minutes === undefined
  const enough = () => isOneAlone || total.scans >= wanted || performance.now() - startedAt >= limitMs
  let seed = Number(values.seed)
  do {
    const policy = policies[seed % policies.length] ?? 'strict'
    const run = {
      seed,
      scans: scansOfEach,
      policy,
      without,
      ...(shards === null ? {} : { shards }),
      ...(mutant === null ? {} : { mutation: mutant.make }),
    }
    const ran = await simulate(run)
    total.scans += scansOfEach
    for (const what of ['shown', 'admitted', 'alone', 'linearized', 'restarts', 'lostStorages', 'virtualMs'] as const) {
      total[what] += ran[what]
    }
    if (ran.violation !== null) {
      console.error(`seed ${seed} (${policy}): ${ran.violation}`)
      // What was made small already is only told again.
      const isSmall = values.without !== undefined
      const failed = { scans: scansOfEach, without, violation: ran.violation }
      const violationOf = async (less: Less<Trouble>) => (await simulate({ ...run, ...less })).violation
      const small = isSmall ? failed : await shrink(failed, troubles, violationOf)
      const options = [
        `--seed ${seed} --policy ${policy} --of-each ${small.scans}`,
        ...(small.without.length > 0 ? [`--without "${small.without.join(',')}"`] : []),
        ...(shards === null ? [] : [`--shards ${shards}`]),
        ...(mutant === null ? [] : [`--mutant "${values.mutant}"`]),
      ]
      for (const line of (await simulate({ ...run, ...small, tells: true })).story) console.error(line)
      console.error(`the least that fails: ${small.violation}\n  npm run simulate -- ${options.join(' ')}`)
      process.exitCode = 1
      break
    }
    seed += 1
  } while (!enough())
}

/** Each worker has its own seeds: the n-th begins a million after the one before. */
async function share(): Promise<void> {
  const options = Object.entries(values).filter(([name]) => !['workers', 'seed', 'scans'].includes(name))
  const common = options.flatMap(([name, value]) => [`--${name}`, String(value)])
  const scans = values.scans === undefined ? [] : ['--scans', String(Math.ceil(Number(values.scans) / workers))]
  const codes = await Promise.all(
    Array.from({ length: workers }, (_, i) => {
      const argv = [...common, ...scans, '--seed', String(Number(values.seed) + i * 1_000_000)]
      const worker = new Worker(import.meta.filename, { argv })
      return new Promise<number>((resolve) => worker.once('exit', resolve))
    }),
  )
  process.exit(Math.max(...codes))
}
