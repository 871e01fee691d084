import { type Run, simulate } from './run.ts'
import { type Trouble, troubles } from './scenario.ts'

export type Small = { scans: number; without: Trouble[]; violation: string }

/**
 * Makes an evening that fails smaller for as long as it fails, with whatever violation: fewer scans, fewer kinds of
 * trouble. What is left is what the failure needs.
 */
export async function shrink(run: Run, violation: string): Promise<Small> {
  let small: Small = { scans: run.scans, without: [...(run.without ?? [])], violation }
  const tryIt = async (change: Partial<Small>): Promise<boolean> => {
    const next = { ...small, ...change }
    const ran = await simulate({ ...run, scans: next.scans, without: next.without })
    if (ran.violation === null) return false
    small = { ...next, violation: ran.violation }
    return true
  }
  await shrinkScans()
  for (const trouble of troubles) {
    if (!small.without.includes(trouble)) await tryIt({ without: [...small.without, trouble] })
  }
  await shrinkScans()
  return small

  async function shrinkScans(): Promise<void> {
    for (let step = Math.floor(small.scans / 2); step >= 1; step = Math.floor(step / 2)) {
      while (small.scans > step && (await tryIt({ scans: small.scans - step })));
    }
  }
}
