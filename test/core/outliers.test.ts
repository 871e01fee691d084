import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { median, refusesFarMore, SPREADS, surgeAt, usualOf } from '../../core/outliers.ts'

const counts = (options: { min?: number; max?: number; minLength?: number } = {}) =>
  fc.array(fc.integer({ min: options.min ?? 0, max: options.max ?? 500 }), {
    minLength: options.minLength ?? 1,
    maxLength: 60,
  })

describe('what is usual', () => {
  it('is the value in the middle, whatever the order', () => {
    expect(median([5, 1, 9])).toBe(5)
    expect(median([4, 1, 9, 6])).toBe(5)
    expect(median([])).toBeNaN()
    fc.assert(
      fc.property(counts(), (values) => {
        const middle = median(values)
        expect(median(values.toReversed())).toBe(middle)
        expect(values.filter((value) => value <= middle).length * 2).toBeGreaterThanOrEqual(values.length)
        expect(values.filter((value) => value >= middle).length * 2).toBeGreaterThanOrEqual(values.length)
      }),
    )
  })

  it('moves with the values, and grows with their scale', () => {
    fc.assert(
      fc.property(
        counts(),
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 1, max: 9 }),
        (values, shift, scale) => {
          const usual = usualOf(values, () => 0)
          const shifted = usualOf(
            values.map((value) => value + shift),
            () => 0,
          )
          const scaled = usualOf(
            values.map((value) => value * scale),
            () => 0,
          )
          expect(shifted.median).toBeCloseTo(usual.median + shift)
          expect(shifted.spread).toBeCloseTo(usual.spread)
          expect(scaled.limit).toBeCloseTo(usual.limit * scale)
        },
      ),
    )
  })

  it('does not become the unusual, though nearly half of the values are wild', () => {
    const calm = Array.from({ length: 31 }, (_, i) => 10 + (i % 5))
    const wild = [...calm, ...Array.from({ length: 14 }, () => 9000)]
    const { median: middle, limit } = usualOf(wild, Math.sqrt)
    expect(middle).toBeLessThanOrEqual(14)
    expect(limit).toBeLessThan(100)
  })
})

describe('a gate', () => {
  it('is far above its own rate with six spreads more than it usually has', () => {
    const earlier = Array.from({ length: 30 }, (_, i) => 8 + (i % 5))
    // Median 10, the deviations' median 1, and so the spread is that of chance: √10.
    const limit = 10 + SPREADS * Math.sqrt(10)
    expect(surgeAt(earlier, Math.floor(limit))).toBeNull()
    expect(surgeAt(earlier, Math.ceil(limit))).toMatchObject({ median: 10, limit })
  })

  it('is not while there is too little to compare with, or too little going on', () => {
    expect(surgeAt([3, 3, 3, 3, 3, 3, 3, 3, 3], 400)).toBeNull()
    expect(surgeAt([...Array(50).fill(0), 3, 3, 3], 400)).toBeNull()
    expect(surgeAt(Array(20).fill(1), 19)).toBeNull()
    expect(surgeAt(Array(20).fill(1), 20)).not.toBeNull()
  })

  it('is not for the minutes in which nobody came', () => {
    const earlier = Array.from({ length: 58 }, (_, i) => (i % 2 ? 0 : 20))
    expect(surgeAt(earlier, 24)).toBeNull()
  })

  it('never is at or below what it usually has, and stays so with more', () => {
    fc.assert(
      fc.property(counts({ minLength: 10 }), fc.integer({ min: 0, max: 600 }), (earlier, now) => {
        const usual = surgeAt(earlier, now)
        if (usual) {
          expect(now).toBeGreaterThan(median(earlier.filter((scans) => scans > 0)))
          expect(surgeAt(earlier, now + 1)).toEqual(usual)
        }
      }),
    )
  })
})

describe('a device', () => {
  const neighbours = [
    { scans: 200, refused: 8 },
    { scans: 150, refused: 9 },
    { scans: 300, refused: 9 },
  ]

  it('refuses far more than its neighbours', () => {
    expect(refusesFarMore({ scans: 100, refused: 40 }, neighbours)).toMatchObject({ median: 0.04 })
    expect(refusesFarMore({ scans: 100, refused: 14 }, neighbours)).toBeNull()
  })

  it('does not without neighbours, or with few scans', () => {
    expect(refusesFarMore({ scans: 100, refused: 90 }, neighbours.slice(0, 1))).toBeNull()
    expect(refusesFarMore({ scans: 19, refused: 19 }, neighbours)).toBeNull()
    expect(
      refusesFarMore({ scans: 100, refused: 90 }, [...neighbours.slice(0, 1), { scans: 19, refused: 0 }]),
    ).toBeNull()
  })

  it('does not where all of them refuse as many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 500 }), fc.integer({ min: 0, max: 20 }), (scans, refused) => {
        const alike = { scans, refused }
        expect(refusesFarMore(alike, [alike, alike, alike])).toBeNull()
      }),
    )
  })
})
