import { expect, it } from 'vitest'
import { distortions, openDistorted } from '../fuzz/codes.ts'

// As many as one wants: npm run distort-codes.
it('threat 01: opens no code that was changed, put together from others, or made with another key; the genuine one it does', async () => {
  const { accepted, distorted, byAnswer, genuine } = await openDistorted(Date.now() % 1_000_000, 20_000)
  expect(accepted).toEqual([])
  expect(genuine).toBe(80)
  // Nothing here is refused for a reason that makes it all too easy.
  expect(distorted).toBeGreaterThan(19_000)
  for (const answer of ['forged', 'wrong_event', 'code', 'unreadable'])
    expect(byAnswer[answer], answer).toBeGreaterThan(100)
  expect(Object.keys(distortions).length).toBeGreaterThan(20)
})
