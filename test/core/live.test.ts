import { describe, expect, test } from 'vitest'
import { writeCursor } from '../../core/cursor.ts'
import { ClientMessage, LiveQuery } from '../../core/live.ts'

describe('the cursor of an event among sixteen objects, each with millions of entries', () => {
  const millions = 9_999_999
  const cursor = writeCursor({ seq: 150 * millions, revision: millions, epoch: 99, shards: Array(15).fill(millions) })

  test('opens a socket', () => {
    expect(LiveQuery.safeParse({ since: cursor, told: cursor }).success).toBe(true)
  })

  test('is told by a device as what it knows', () => {
    const status = { type: 'status', pending: 0, snapshotCursor: cursor, readyOffline: true }
    expect(ClientMessage.safeParse(status).success).toBe(true)
  })
})
