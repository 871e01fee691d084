import type { Series } from './stats.ts'

const PACE_MS = 15 * 60_000

/** A point for each bucket; `expected` begins where `soFar` ends, and is null where nobody comes any more. */
export type Curve = { times: number[]; soFar: (number | null)[]; expected: (number | null)[] | null }

/**
 * Takes who came in over time, how many people can come and when the event ends; gives how the arriving went, and how it
 * goes on at the pace of the last quarter of an hour until all are in or it is over.
 */
export function arrivalsOf(series: Series | null, totalPeople: number, endsAt: number): Curve {
  const items = series?.items ?? []
  let sum = 0
  const soFar = items.map(({ admitted }) => {
    sum += admitted
    return sum
  })
  const times = items.map(({ at }) => Date.parse(at))
  const stepMs = (times[1] ?? 0) - (times[0] ?? 0)
  const last = times.at(-1) ?? 0
  const recent = items.slice(-Math.max(1, Math.ceil(PACE_MS / stepMs)))
  const perStep = recent.reduce((people, { admitted }) => people + admitted, 0) / recent.length
  if (stepMs <= 0 || perStep <= 0 || sum >= totalPeople || last >= endsAt) return { times, soFar, expected: null }
  const steps = Math.min(Math.ceil((totalPeople - sum) / perStep), Math.floor((endsAt - last) / stepMs), MOST_STEPS)
  if (steps < 1) return { times, soFar, expected: null }
  const ahead = Array.from({ length: steps }, (_, i) => Math.min(totalPeople, sum + perStep * (i + 1)))
  const nothing = ahead.map(() => null)
  return {
    times: [...times, ...ahead.map((_, i) => last + stepMs * (i + 1))],
    soFar: [...soFar, ...nothing],
    expected: [...soFar.slice(0, -1).map(() => null), sum, ...ahead],
  }
}

/** A day of five minutes; further ahead nobody looks. */
const MOST_STEPS = 288
