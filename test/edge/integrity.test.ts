import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'

let event: Party

/** Admissions, a duplicate, an exit, a party in two parts, an annulment and a forced admission. */
beforeEach(async () => {
  // Entries are named by their numbers, which are in the order of the scans where one object judges.
  event = await newEvent(undivided)
  const { token } = await newDevice(event)
  const supervisor = (await newDevice(event, 'sue')).token
  const tickets = await issue(event, {}, {}, { admits: 3 }, { paid: false })
  const [first = '', second = '', party = '', unpaid = ''] = tickets.map(({ code }) => code)
  await scan(token, first)
  await scan(token, first)
  await scan(token, first, { gateId: 'GATE-X' })
  const { body } = await scan(token, second)
  await scan(token, party, { people: 2 })
  await scan(token, party)
  await call('POST', `/api/hp-scanner/scans/${body.scanId}/annul`, { as: supervisor, body: { reason: 'a mistake' } })
  await scan(supervisor, unpaid, { force: { reason: 'paid in cash' } })
})

const check = async () => (await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })).body.data

/** Changes what is stored, behind the Gatekeeper's back, and has it wake up to that. */
async function tamper(statement: string) {
  await runInDurableObject(gatekeeperOf(event), (_, state) => {
    state.storage.sql.exec(statement)
  })
  await evictDurableObject(gatekeeperOf(event))
}

const found = async () => {
  const { ok, discrepancies } = await check()
  expect(ok).toBe(discrepancies.length === 0)
  const names = discrepancies.map(({ invariant, entryId }: { invariant: string; entryId?: string }) =>
    entryId ? `${invariant} ${entryId}` : invariant,
  )
  return names.toSorted()
}

describe('the check of every invariant', () => {
  it('finds nothing where nothing is wrong, and says how much it looked at', async () => {
    expect(await check()).toEqual({
      ok: true,
      checked: { entries: 8, tickets: 4 },
      discrepancies: [],
      outbox: { pending: 0 },
    })
  })

  it('threat 06: finds an entry that was changed', async () => {
    await gatekeeperOf(event).flush()
    await tamper('UPDATE entry SET people = 1 WHERE seq = 5')
    // The sums that reports are made of are of more people: the event's, the gate's and the member of staff's.
    expect(await found()).toEqual(['chain 5', 'counts', 'd1 5', 'd1', 'd1', 'd1'].toSorted())
  })

  it('finds an entry that is gone', async () => {
    await tamper('DELETE FROM entry WHERE seq = 3')
    expect(await found()).toEqual(expect.arrayContaining(['sequence 4', 'chain 4', 'standing']))
  })

  it('finds a standing that its log does not say', async () => {
    await tamper('UPDATE standing SET entries = 0, inside = 0 WHERE entries = 3')
    expect(await found()).toEqual(['standing'])
  })

  it('finds somebody let in twice on one ticket', async () => {
    const admitted = JSON.stringify({ kind: 'admitted', people: 1, remaining: 0, forced: null, overfull: false })
    await tamper(`UPDATE entry SET verdict = '${admitted}' WHERE seq = 2`)
    const names = await found()
    expect(names).toEqual(expect.arrayContaining(['once_only 2', 'chain 2']))
  })

  it('finds sums that the log does not add up to', async () => {
    await gatekeeperOf(event).flush()
    await tamper("UPDATE meta SET value = json_set(value, '$.admitted', 6) WHERE key = 'stats'")
    const { discrepancies } = await check()
    expect(discrepancies).toEqual([{ invariant: 'counts', detail: 'admitted is 6; the log adds up to 5' }])
  })

  it('finds what D1 lacks or has otherwise, and sums that are not those of the log', async () => {
    await gatekeeperOf(event).flush()
    const id = event.id.replaceAll('-', '')
    await env.DB.prepare('DELETE FROM entry WHERE event = unhex(?) AND seq = 2').bind(id).run()
    await env.DB.prepare("UPDATE entry SET gate = 'GATE-V' WHERE event = unhex(?) AND seq = 4").bind(id).run()
    await env.DB.prepare("UPDATE tally SET scans = 9 WHERE event = unhex(?) AND scope = 'event' AND outcome = 'exited'")
      .bind(id)
      .run()
    expect((await check()).discrepancies).toEqual([
      { invariant: 'd1', entryId: '2', detail: 'is not in D1' },
      { invariant: 'd1', entryId: '4', detail: 'differs in D1: gate' },
      { invariant: 'd1', detail: 'the reports count 9 scans of 1 people exited; the log has 1 scans of 1 people' },
    ])
  })
})
