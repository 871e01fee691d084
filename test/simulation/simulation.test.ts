import { describe, expect, it } from 'vitest'
import { mutants } from './mutants.ts'
import { type Mutation, type Run, simulate } from './run.ts'
import { type OfflinePolicy, type Trouble, troubles } from './scenario.ts'
import { type Less, type Small, shrink } from './shrink.ts'

const SCANS_AN_EVENING = 500

/** Evening after evening, from a seed on; what went wrong is told with its seed. */
async function evenings(
  policy: OfflinePolicy,
  count: number,
  from: number,
  mutation?: () => Mutation,
  shards?: number,
) {
  const total = { evenings: 0, shown: 0, admitted: 0, alone: 0, restarts: 0, violation: null as string | null }
  for (let seed = from; seed < from + count && total.violation === null; seed++) {
    const ran = await simulate({
      seed,
      scans: SCANS_AN_EVENING,
      policy,
      ...(mutation ? { mutation } : {}),
      ...(shards ? { shards } : {}),
    })
    total.evenings += 1
    for (const what of ['shown', 'admitted', 'alone', 'restarts'] as const) total[what] += ran[what]
    if (ran.violation !== null)
      total.violation = `${ran.violation}: npm run simulate -- --seed ${seed} --policy ${policy}`
  }
  return total
}

describe('whatever is cut off, lost, late, said twice and restarted, on phones and in the Gatekeeper', () => {
  it('threat 04: under the strict policy nobody enters twice, and the log tells what the gates did', async () => {
    const { violation, shown, admitted, alone, restarts } = await evenings('strict', 16, 1)
    expect(violation).toBeNull()
    expect(shown).toBeGreaterThan(6000)
    expect(admitted).toBeGreaterThan(1000)
    expect(alone).toBeGreaterThan(1000)
    expect(restarts).toBeGreaterThan(40)
  }, 300_000)

  it('threat 04: under the admit policy everybody who entered twice is a recorded conflict', async () => {
    const { violation, shown, alone } = await evenings('admit', 8, 1_000_000)
    expect(violation).toBeNull()
    expect(shown).toBeGreaterThan(3000)
    expect(alone).toBeGreaterThan(500)
  }, 300_000)

  it('under the never policy nobody is let in but by the Gatekeeper', async () => {
    const { violation, shown, admitted } = await evenings('never', 6, 2_000_000)
    expect(violation).toBeNull()
    expect(shown).toBeGreaterThan(2000)
    expect(admitted).toBeGreaterThan(300)
  }, 300_000)

  it('an event that is divided among objects lets in nobody twice, nobody without room, and forgets nobody', async () => {
    const { violation, shown, admitted } = await evenings('never', 2, 3_000_000, undefined, 3)
    expect(violation).toBeNull()
    expect(shown).toBeGreaterThan(700)
    expect(admitted).toBeGreaterThan(50)
  }, 300_000)

  it('the same seed is the same evening', async () => {
    const again = () => simulate({ seed: 7, scans: 200, policy: 'strict' })
    expect(await again()).toEqual(await again())
    const divided = () => simulate({ seed: 7, scans: 100, policy: 'admit', shards: 3 })
    expect(await divided()).toEqual(await divided())
  }, 120_000)
})

/** Found out within a few evenings each; `npm run mutants` has all of them. */
const quick = [
  'the holder is asked first',
  'only the holder admits alone',
  'the same id whoever decides',
  'an exit without an answer is an exit',
  'nothing comes between the look and the write',
  'an answer waits for the disk',
  'what the gate did counts, not what it never heard',
  'every entry goes to D1',
  'a ticket always meets the same shard',
]

describe('the simulation notices when there is no rule that', () => {
  it.each(quick)(
    '%s',
    async (name) => {
      const mutant = mutants[name]
      if (!mutant) throw new Error(`there is no mutant ${name}`)
      expect((await evenings(mutant.policy, 30, 1, mutant.make, mutant.shards)).violation).not.toBeNull()
    },
    120_000,
  )

  it('gives the least that fails: little is left, and nothing of that can be left out', async () => {
    // One entry in thirty is lost, so that it takes about thirty scans to see it, and hardly anything that goes wrong.
    const mutation = mutants['every entry goes to D1']?.make
    if (!mutation) throw new Error('there is no such mutant')
    const run = await firstThatFails({ seed: 1, scans: 80, policy: 'admit', mutation })
    const small = await least(run)
    expect(stepsOf(small)).toBeLessThan(50)
    const violationOf = async (change: Partial<Run>) => (await simulate({ ...run, ...small, ...change })).violation
    expect(await violationOf({})).toBe(small.violation)
    const left = troubles.filter((trouble) => !small.without.includes(trouble))
    for (const trouble of left) expect(await violationOf({ without: [...small.without, trouble] }), trouble).toBeNull()
    expect(await violationOf({ scans: small.scans - 1 })).toBeNull()
  }, 120_000)
})

async function firstThatFails(run: Run): Promise<Run & { violation: string }> {
  const { violation } = await simulate(run)
  return violation === null ? firstThatFails({ ...run, seed: run.seed + 1 }) : { ...run, violation }
}

/** What leaves one thing out may make another one needless that was tried before: shrinks until nothing goes any more. */
async function least(run: Run & { violation: string }): Promise<Small<Trouble>> {
  const violationOf = async (less: Less<Trouble>) => (await simulate({ ...run, ...less })).violation
  const small = await shrink({ without: [], ...run }, troubles, violationOf)
  const again = await shrink(small, troubles, violationOf)
  return stepsOf(again) === stepsOf(small) ? small : least({ ...run, ...again })
}

/** What an evening consists of: its scans, and each kind of trouble. */
function stepsOf({ scans, without }: Less<Trouble>): number {
  return scans + troubles.length - without.length
}
