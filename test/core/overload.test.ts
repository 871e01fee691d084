import { scheduler } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { bytesToUuid, type EventId, type TicketId } from '../../core/ids.ts'
import { readKeyRing } from '../../core/key-ring.ts'
import { setLogLevel } from '../../durable-objects/logging.ts'
import { app } from '../../workers/api.ts'
import type { Env } from '../../workers/env.ts'
import { sealLink } from '../../workers/links.ts'

/*
 * What is asked of an object that the platform says it cannot reach. Nobody can make the platform say so on purpose, so
 * here it is only its namespace of objects that is made up.
 */

const TICKET_KEY = 'the ticket key of the tests'
const link = {
  eventId: bytesToUuid<EventId>(new Uint8Array(16).fill(1)),
  ticketId: bytesToUuid<TicketId>(new Uint8Array(16).fill(2)),
  link: 1,
}
const path = `https://admit.example/t/${sealLink(readKeyRing(TICKET_KEY), link)}`

let calls = 0
const answerWhen = (failure: object) => {
  const failing = () => {
    calls++
    throw Object.assign(new Error('the platform says no'), failure)
  }
  const GATEKEEPER = { getByName: () => new Proxy({}, { get: () => failing }) }
  const env = { TICKET_KEY, GATEKEEPER, LOG_LEVEL: 'silent' } as unknown as Env
  return app.fetch(new Request(path), env, {} as ExecutionContext)
}

beforeEach(() => {
  calls = 0
  setLogLevel('silent')
  vi.stubGlobal('scheduler', scheduler)
})
afterEach(() => vi.unstubAllGlobals())

it('threat 30: is asked no second time where it has too much to do, and the caller is told when to come again', async () => {
  const answer = await answerWhen({ overloaded: true, retryable: true })
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '1'])
  expect(await answer.json()).toMatchObject({ success: false, code: 'unavailable' })
  expect(calls).toBe(1)
})

it('threat 30: is asked again, a few times, where it only moved', async () => {
  const answer = await answerWhen({ retryable: true })
  expect([answer.status, answer.headers.get('Retry-After'), calls]).toEqual([503, '1', 4])
})

it('threat 30: is a fault of ours where our own code threw', async () => {
  const answer = await answerWhen({ remote: true })
  expect([answer.status, calls]).toEqual([500, 1])
})

it('threat 28: is no fault of ours where D1 is away, however that is told', async () => {
  const failing = () => {
    throw new Error('Failed query: select 1\nparams: Ada', { cause: new Error('D1_ERROR: it is away') })
  }
  const DB = new Proxy({}, { get: () => failing })
  const env = { TICKET_KEY, ADMIN_KEY: 'x', DB, LOG_LEVEL: 'silent' } as unknown as Env
  const request = new Request('https://admit.example/api/events', { headers: { Authorization: 'Bearer a1_org_some' } })
  const answer = await app.fetch(request, env, {} as ExecutionContext)
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '1'])
})
