import { type Trouble, troubles } from './evening.ts'
import { playEvening, type Run } from './play.ts'

export type Small = { scans: number; without: readonly Trouble[]; violation: string }

/** Makes an evening that fails smaller for as long as it fails: fewer scans, fewer kinds of trouble. */
export function shrinkEvening(run: Run, violation: string): Small {
  let small: Small = { scans: run.scans, without: run.without ?? [], violation }
  const fails = (change: Partial<Small>): boolean => {
    const next = { ...small, ...change }
    const { violation: found } = playEvening({ ...run, scans: next.scans, without: next.without })
    if (found !== null) small = { ...next, violation: found }
    return found !== null
  }
  const fewerScans = () => {
    for (let step = Math.floor(small.scans / 2); step >= 1; step = Math.floor(step / 2)) {
      while (small.scans > step && fails({ scans: small.scans - step }));
    }
  }
  fewerScans()
  for (const trouble of troubles) {
    if (!small.without.includes(trouble)) fails({ without: [...small.without, trouble] })
  }
  fewerScans()
  return small
}
