import { describe, expect, test } from 'vitest'
import { LeastRecent } from '../../workers/least-recent.ts'

describe('what is kept up to a cost', () => {
  test('lets go of what was not asked for the longest', () => {
    const kept = new LeastRecent<string>(30)
    for (const key of ['a', 'b', 'c']) kept.set(key, key, 10)
    kept.get('a')
    kept.set('d', 'd', 10)
    expect(['a', 'b', 'c', 'd'].map((key) => kept.get(key))).toEqual(['a', undefined, 'c', 'd'])
  })

  test('never costs more than it may, however much comes', () => {
    const kept = new LeastRecent<number>(1000)
    for (let i = 0; i < 5000; i++) {
      kept.set(`k${(i * 7919) % 300}`, i, 1 + ((i * 31) % 97))
      expect(kept.cost).toBeLessThanOrEqual(1000)
    }
    expect(kept.cost).toBeGreaterThan(900)
  })

  test('counts what is set again once', () => {
    const kept = new LeastRecent<string>(100)
    kept.set('a', 'old', 60)
    kept.set('a', 'new', 70)
    expect([kept.get('a'), kept.cost]).toEqual(['new', 70])
  })

  test('does not keep what alone is too much, nor what it replaces', () => {
    const kept = new LeastRecent<string>(100)
    kept.set('a', 'small', 10)
    kept.set('b', 'small', 10)
    kept.set('a', 'large', 101)
    expect([kept.get('a'), kept.get('b'), kept.cost]).toEqual([undefined, 'small', 10])
  })
})
