import { describe, expect, it } from 'vitest'
import { type Mutation, mutations } from './mutations.ts'
import { simulate } from './run.ts'

const SCANS_AN_EVENING = 500

/** Evening after evening, from a seed on; what went wrong is told with its seed. */
async function evenings(policy: 'strict' | 'admit', count: number, from: number, mutation: Mutation = {}) {
  const total = { evenings: 0, shown: 0, admitted: 0, alone: 0, restarts: 0, violation: null as string | null }
  for (let seed = from; seed < from + count && total.violation === null; seed++) {
    const ran = await simulate({ seed, scans: SCANS_AN_EVENING, policy, mutation })
    total.evenings += 1
    for (const what of ['shown', 'admitted', 'alone', 'restarts'] as const) total[what] += ran[what]
    if (ran.violation !== null)
      total.violation = `${ran.violation}: npm run simulate -- --seed ${seed} --policy ${policy}`
  }
  return total
}

describe('whatever is cut off, lost, late, said twice and restarted, on phones and in the Gatekeeper', () => {
  it('threat 04: under the strict policy nobody enters twice, and the log tells what the gates did', async () => {
    const { violation, shown, admitted, alone, restarts } = await evenings('strict', 170, 1)
    expect(violation).toBeNull()
    expect(shown).toBeGreaterThan(70_000)
    expect(admitted).toBeGreaterThan(8000)
    expect(alone).toBeGreaterThan(10_000)
    expect(restarts).toBeGreaterThan(300)
  }, 300_000)

  it('threat 04: under the admit policy everybody who entered twice is a recorded conflict', async () => {
    const { violation, shown, alone } = await evenings('admit', 30, 1_000_000)
    expect(violation).toBeNull()
    expect(shown).toBeGreaterThan(11_000)
    expect(alone).toBeGreaterThan(2000)
  }, 120_000)

  it('the same seed is the same evening', async () => {
    const again = () => simulate({ seed: 7, scans: 200, policy: 'strict' })
    expect(await again()).toEqual(await again())
  })
})

describe('the checker notices when there is no rule of', () => {
  const unnoticed = ['knowing everything before the lease']
  const noticed = Object.entries(mutations).filter(([name]) => !unnoticed.includes(name))

  it.each(noticed)(
    '%s',
    async (_, mutation) => {
      expect((await evenings('strict', 40, 1, mutation)).violation).not.toBeNull()
    },
    60_000,
  )
})
