import { describe, expect, it } from 'vitest'
import { shrink } from '../shrink.ts'
import { type OfflinePolicy, troubles } from './evening.ts'
import { foundOut } from './hunting.ts'
import { counted, playEvening } from './play.ts'
import { type Rule, ruleBook } from './rules.ts'

const SCANS_AN_EVENING = 500

/** Evening after evening by the rules alone, from a seed on; what went wrong is told with its seed. */
function evenings(policy: OfflinePolicy, count: number, from: number) {
  const total = Object.fromEntries(counted.map((name) => [name, 0])) as Record<(typeof counted)[number], number>
  for (let seed = from; seed < from + count; seed++) {
    const ran = playEvening({ seed, scans: SCANS_AN_EVENING, policy })
    expect(ran.violation, `npm run simulate -- --rules --seed ${seed} --policy ${policy}`).toBeNull()
    for (const name of counted) total[name] += ran[name]
  }
  return total
}

describe('by the rules alone, whatever is cut off, lost, late, said twice and restarted', () => {
  it('under the strict policy nobody enters twice, also while leases move', () => {
    const { shown, alone, admitted, leasesMoved, lostStorages } = evenings('strict', 45, 1)
    expect(shown).toBeGreaterThan(20_000)
    expect(alone).toBeGreaterThan(5000)
    expect(admitted).toBeGreaterThan(3000)
    expect(leasesMoved).toBeGreaterThan(100)
    expect(lostStorages).toBeGreaterThan(10)
  })

  it('under the admit policy everybody who entered twice is a conflict', () => {
    const { shown, alone, conflicts, crashes } = evenings('admit', 40, 1_000_000)
    expect(shown).toBeGreaterThan(15_000)
    expect(alone).toBeGreaterThan(5000)
    expect(conflicts).toBeGreaterThan(500)
    expect(crashes).toBeGreaterThan(50)
  })

  it('under the never policy nobody is let in but by the Gatekeeper', () => {
    const { shown, admitted } = evenings('never', 25, 2_000_000)
    expect(shown).toBeGreaterThan(10_000)
    expect(admitted).toBeGreaterThan(1000)
  })

  it('the same seed is the same evening', () => {
    const again = () => playEvening({ seed: 7, scans: 200, policy: 'strict', tells: true })
    expect(again()).toEqual(again())
  })
})

/** Found out within a few evenings each; `npm run mutants -- --rules` has all of them. */
const quick: readonly Rule[] = ['ownGoHomeFirst', 'holderAsked', 'onceByScanId', 'addedUpOnce']

describe('the simulation by the rules alone notices when there is no rule that', () => {
  it.each(quick.map((rule) => [ruleBook[rule][0], rule] as const))('%s', (_, rule) => {
    expect(foundOut(rule, 1, 20)).not.toBeNull()
  })

  it('gives the least that fails', async () => {
    const run = { seed: 1, scans: 200, policy: 'strict', broken: 'holderAsked' } as const
    const violation = playEvening(run).violation ?? ''
    const failed = { scans: run.scans, without: [], violation }
    const small = await shrink(failed, troubles, (less) => playEvening({ ...run, ...less }).violation)
    expect(small.scans).toBeLessThan(200)
    expect(playEvening({ ...run, ...small }).violation).toBe(small.violation)
    expect(playEvening({ ...run, ...small, scans: small.scans - 1 }).violation).toBeNull()
  })
})
