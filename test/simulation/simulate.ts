import { registerHooks } from 'node:module'
import { parseArgs } from 'node:util'

// The Gatekeeper extends a class of its platform; here that is a small one of ours.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'cloudflare:workers'
      ? { url: new URL('./workers.ts', import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
})
const { simulate } = await import('./run.ts')
const { mutations } = await import('./mutations.ts')

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    scans: { type: 'string' },
    minutes: { type: 'string' },
    policy: { type: 'string' },
    without: { type: 'string' },
  },
})

const SCANS_AN_EVENING = 500
const first = Number(values.seed ?? 1)
const wanted = values.scans === undefined ? Number.POSITIVE_INFINITY : Number(values.scans)
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes)
// A seed alone is one evening again, as it was.
const isReplay = values.scans === undefined && values.minutes === undefined && values.seed !== undefined
const mutation = values.without === undefined ? {} : mutations[values.without as keyof typeof mutations]
if (mutation === undefined) throw new Error(`--without is one of ${Object.keys(mutations).join(', ')}`)

const startedAt = performance.now()
const total = { scans: 0, shown: 0, admitted: 0, alone: 0, restarts: 0, virtualMs: 0 }
const spentMs = () => performance.now() - startedAt
const enough = () => total.scans >= wanted || spentMs() >= (values.scans || values.minutes ? minutes * 60_000 : 60_000)
for (let seed = first; seed === first || !(isReplay || enough()); seed++) {
  const policies = values.policy === undefined ? (['strict', 'admit'] as const) : [values.policy as 'strict' | 'admit']
  const policy = policies[seed % policies.length] ?? 'strict'
  const ran = await simulate({ seed, scans: SCANS_AN_EVENING, policy, mutation })
  total.scans += SCANS_AN_EVENING
  for (const what of ['shown', 'admitted', 'alone', 'restarts', 'virtualMs'] as const) total[what] += ran[what]
  if (ran.violation !== null) {
    console.error(
      `seed ${seed} (${policy}): ${ran.violation}\nagain with: npm run simulate -- --seed ${seed} --policy ${policy}`,
    )
    process.exitCode = 1
    break
  }
}
const { scans, shown, admitted, alone, restarts, virtualMs } = total
console.log(
  `${scans} scans, ${shown} shown, ${admitted} let in, ${alone} decided alone, ${restarts} starts of the Gatekeeper, ` +
    `${Math.round(virtualMs / 60_000)} minutes at the doors in ${Math.round(spentMs() / 1000)} s`,
)
