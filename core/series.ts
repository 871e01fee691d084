import { startOfLocalHour } from './local-day.ts'
import { MINUTE_MS } from './tally.ts'

export const bucketSizes = ['minute', '5min', 'hour'] as const
export type BucketSize = (typeof bucketSizes)[number]

const HOUR_MS = 60 * MINUTE_MS
const sizeMs: Record<Exclude<BucketSize, 'hour'>, number> = { minute: MINUTE_MS, '5min': 5 * MINUTE_MS }

/** Numbers by name, such as people admitted and scans refused. */
type Counted<Name extends string> = { at: number } & Record<Name, number>

/** Takes an instant; gives when its bucket began, an hour being one that clocks in the time zone show. */
export function startOfBucket(at: number, size: BucketSize, timezone: string): number {
  return size === 'hour' ? startOfLocalHour(at, timezone) : Math.floor(at / sizeMs[size]) * sizeMs[size]
}

/** Takes the start of a bucket; gives the start of the next. On days with a clock change some hours are longer. */
export function nextBucket(start: number, size: BucketSize, timezone: string): number {
  if (size !== 'hour') return start + sizeMs[size]
  const next = startOfLocalHour(start + HOUR_MS, timezone)
  return next > start ? next : start + HOUR_MS
}

/**
 * Takes what was counted when, the names of its numbers, and a span in milliseconds; gives every bucket of the span in
 * order, empty ones included. What was counted must not reach over the bounds of a bucket.
 */
export function seriesOf<Name extends string>(
  counted: Iterable<Counted<Name>>,
  names: readonly Name[],
  { from, to }: { from: number; to: number },
  size: BucketSize,
  timezone: string,
): Counted<Name>[] {
  const sums = new Map<number, Counted<Name>>()
  const sumAt = (at: number) => {
    const sum = sums.get(at) ?? ({ at, ...Object.fromEntries(names.map((name) => [name, 0])) } as Counted<Name>)
    sums.set(at, sum)
    return sum
  }
  for (const one of counted) {
    const sum: Record<Name, number> = sumAt(startOfBucket(one.at, size, timezone))
    for (const name of names) sum[name] += one[name]
  }
  const series: Counted<Name>[] = []
  for (let at = startOfBucket(from, size, timezone); at < to; at = nextBucket(at, size, timezone)) {
    series.push(sumAt(at))
  }
  return series
}
