import { parseArgs } from 'node:util'
import './in-node.ts'

/*
 * `npm run mutants`: takes each rule out in turn and plays evenings until the simulation finds it out, by name. One that
 * is not found out in so many evenings is a hole in the simulation, and the command fails.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
    within: { type: 'string' },
    /** Those of the simulation by the rules alone. */
    rules: { type: 'boolean' },
  },
})

if (values.rules) {
  const { huntByRules } = await import('./rules/hunting.ts')
  process.exit(huntByRules(Number(values.seed), Number(values.within ?? 4000), values.only ?? ''))
}

const { mutants } = await import('./mutants.ts')
const { simulate } = await import('./run.ts')
const within = Number(values.within ?? 400)
const wanted = Object.entries(mutants).filter(([name]) => values.only === undefined || name.includes(values.only))
let missed = 0
const startedAt = performance.now()
for (const [name, { policy, make, shards }] of wanted) {
  let found: string | null = null
  let evenings = 0
  for (; found === null && evenings < within; evenings++) {
    found = await violationOf({
      seed: Number(values.seed) + evenings,
      scans: 500,
      policy,
      mutation: make,
      ...(shards ? { shards } : {}),
    })
  }
  if (found === null) missed += 1
  const outcome = found === null ? 'not found out' : `evening ${evenings}: ${found.slice(0, 110)}`
  console.log(`${name.padEnd(56)}${policy.padEnd(8)}${outcome}`)
}
const seconds = Math.round((performance.now() - startedAt) / 1000)
console.log(`${wanted.length} mutants in ${seconds} s, ${missed} missed`)
if (missed > 0) process.exitCode = 1

/** What is thrown by the broken code itself is found out as well: an event that ends in an error is seen by everybody. */
async function violationOf(run: Parameters<typeof simulate>[0]): Promise<string | null> {
  try {
    return (await simulate(run)).violation
  } catch (error) {
    return `an error: ${String(error)}`
  }
}
