/** An evening of a simulation, as small as it was made: so many scans, without so many kinds of trouble. */
export type Small<Trouble> = { scans: number; without: readonly Trouble[]; violation: string }

/** What an evening that is played again has less of. */
export type Less<Trouble> = Omit<Small<Trouble>, 'violation'>

/**
 * Makes an evening that fails smaller for as long as it fails, with whatever violation: fewer scans, fewer kinds of
 * trouble. What is left is what the failure needs. `violationOf` plays it again with less.
 */
export async function shrink<Trouble>(
  failed: Small<Trouble>,
  troubles: readonly Trouble[],
  violationOf: (less: Less<Trouble>) => string | null | Promise<string | null>,
): Promise<Small<Trouble>> {
  let small = failed
  await shrinkScans()
  for (const trouble of troubles) {
    if (!small.without.includes(trouble)) await fails({ without: [...small.without, trouble] })
  }
  await shrinkScans()
  return small

  async function shrinkScans(): Promise<void> {
    for (let step = Math.floor(small.scans / 2); step >= 1; step = Math.floor(step / 2)) {
      while (small.scans > step && (await fails({ scans: small.scans - step })));
    }
  }

  async function fails(change: Partial<Less<Trouble>>): Promise<boolean> {
    const { scans, without } = { ...small, ...change }
    const violation = await violationOf({ scans, without })
    if (violation !== null) small = { scans, without, violation }
    return violation !== null
  }
}
