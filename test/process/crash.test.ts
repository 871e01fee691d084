import { describe, expect, test } from 'vitest'
import { crash, inWords, rulesOf } from './crashing.ts'

const control = 'test/process/controls/ack-before-write.ts'

describe('kill -9 of the whole server while stewards are scanning and cut-off gates bring home what they did', () => {
  test('threat 03: three times loses no answered scan, lets no ticket in twice, and D1 has exactly the log', async (context) => {
    const outcome = await crash({ kills: 3, seed: 20261121, tickets: 1500 })
    await context.annotate(inWords(outcome))
    expect(outcome.forgotten.slice(0, 5)).toEqual([])
    expect(outcome.violations.slice(0, 5)).toEqual([])
    expect(outcome.drainedAlone).toBe(true)
    // Otherwise it was no test: scans were answered before each kill, and others were under way.
    expect(Math.min(...outcome.ackedBefore)).toBeGreaterThan(20)
    expect(outcome.underWayAt.some((calls) => calls > 0)).toBe(true)
    expect(outcome.admitted).toBeGreaterThan(50)
    expect(outcome.duplicates).toBeGreaterThan(20)
    expect(outcome.synced).toBeGreaterThan(5)
    expect(outcome.settled).toBeGreaterThan(0)
  })
})

describe('a server that answers before it writes', () => {
  // One kill of a second's choice: on a busy machine nothing may have been answered and not written just then.
  test('threat 31: is found out by the same test, as having lost what it answered', { retry: 2 }, async (context) => {
    const outcome = await crash({
      worker: control,
      kills: 1,
      seed: 20261122,
      tickets: 1500,
      between: 100,
      crowd: { pauseMs: 10, cutOff: 0 },
    })
    await context.annotate(inWords(outcome))
    expect(rulesOf(outcome.forgotten)).toContain('lost')
    expect(rulesOf(outcome.violations)).toContain('lost')
  })
})
