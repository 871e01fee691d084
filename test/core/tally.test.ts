import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { latencyBucket, latencyQuantile } from '../../core/tally.ts'

const tallied = (times: number[]) => {
  const buckets = new Map<number, number>()
  for (const ms of times) buckets.set(latencyBucket(ms), (buckets.get(latencyBucket(ms)) ?? 0) + 1)
  return buckets
}

describe('the time spent deciding', () => {
  it('is told to within two and a half per cent and a tenth of a millisecond', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.1, max: 5000, noNaN: true }), { minLength: 1 }), (times) => {
        const sorted = times.toSorted((a, b) => a - b)
        for (const share of [0.5, 0.95, 0.99]) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0
          const told = latencyQuantile(tallied(times), share) ?? 0
          expect(Math.abs(told - exact)).toBeLessThanOrEqual(0.025 * exact + 0.051)
        }
      }),
    )
  })

  it('is nothing where nobody was scanned', () => {
    expect(latencyQuantile([], 0.5)).toBe(null)
  })
})
