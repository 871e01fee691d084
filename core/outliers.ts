/*
 * What is out of the ordinary, by the median and the median of the deviations from it: one wild value among the usual ones
 * moves neither, so that the rush itself does not make the rush look usual.
 */

/** How many spreads above the usual something is worth a look. */
export const SPREADS = 6

/** Makes the median deviation as wide as a standard deviation is where values scatter evenly. */
const LIKE_A_DEVIATION = 1.4826

/** What is usual, how far it scatters, and from where on a value is out of the ordinary. */
export type Usual = { median: number; spread: number; limit: number }

/** Takes values; gives the one in the middle, or between the two in the middle. NaN where there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2
}

/**
 * Takes values and the least by which they scatter by chance alone; gives what is usual:
 * spread = max(1.4826 × median of |value − median|, least), limit = median + 6 × spread.
 */
export function usualOf(values: readonly number[], leastSpread: (median: number) => number): Usual {
  const middle = median(values)
  const deviation = median(values.map((value) => Math.abs(value - middle)))
  const spread = Math.max(LIKE_A_DEVIATION * deviation, leastSpread(middle))
  return { median: middle, spread, limit: middle + SPREADS * spread }
}

/** A gate's minutes must be at least so many before they say what is usual there, and a rush has at least so many scans. */
const FEWEST_MINUTES = 10
const SMALLEST_RUSH = 20

/**
 * Takes the scans in each of a gate's earlier minutes and those of this minute; gives what is usual where this minute is far
 * above it, or null. Minutes with no scan say nothing of how fast a gate goes. Independent arrivals scatter by the square
 * root of their number, and so a gate may always do that much.
 */
export function surgeAt(earlier: readonly number[], now: number): Usual | null {
  const busy = earlier.filter((scans) => scans > 0)
  if (busy.length < FEWEST_MINUTES || now < SMALLEST_RUSH) return null
  const usual = usualOf(busy, (middle) => Math.max(1, Math.sqrt(middle)))
  return now > usual.limit ? usual : null
}

/** What a device did lately. */
export type Scanned = { scans: number; refused: number }

/** Of so few scans nothing follows; a device has neighbours where there are so many others. */
const FEWEST_SCANS = 20
const FEWEST_NEIGHBOURS = 2
const FEWEST_REFUSALS = 10
/** Two devices whose shares are this close are alike. */
const ALIKE = 0.02

/**
 * Takes what a device did and what its neighbours did; gives the usual share of refusals where its own is far above it, or
 * null. A share of few scans scatters by chance, and so is given that much room.
 */
export function refusesFarMore(own: Scanned, others: readonly Scanned[]): Usual | null {
  const neighbours = others.filter(({ scans }) => scans >= FEWEST_SCANS)
  const isEnough = own.scans >= FEWEST_SCANS && own.refused >= FEWEST_REFUSALS
  if (!isEnough || neighbours.length < FEWEST_NEIGHBOURS) return null
  const byChance = (share: number) => Math.sqrt((share * (1 - share)) / own.scans)
  const usual = usualOf(neighbours.map(shareOf), (middle) => Math.max(ALIKE, byChance(middle)))
  return shareOf(own) > usual.limit ? usual : null
}

function shareOf({ scans, refused }: Scanned): number {
  return scans === 0 ? 0 : refused / scans
}
