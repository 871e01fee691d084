import {
  createScheduledController,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { chain, chainStart } from '../../core/log.ts'
import type { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import worker from '../../workers/index.ts'
import { sweep } from '../../workers/sweep.ts'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'
import { listen } from './listener.ts'

const asAdmin = { kind: 'admin' } as const

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
beforeEach(async () => {
  // What one object has in its storage is looked at; for several: shards.test.ts.
  event = await newEvent(undivided)
  device = await newDevice(event)
})

const inside = <T>(look: (object: Gatekeeper, state: DurableObjectState) => T | Promise<T>) =>
  runInDurableObject(gatekeeperOf(event), look)

const inD1 = async () => {
  const rows = await env.DB.prepare(
    'SELECT seq, verdict, code, hex(scan) AS scan FROM entry WHERE event = unhex(?) ORDER BY seq',
  )
    .bind(event.id.replaceAll('-', ''))
    .all<{ seq: number; verdict: string; code: string | null; scan: string }>()
  return rows.results
}

async function scanSome(count: number) {
  const tickets = await issue(event, ...Array.from({ length: count }, () => ({})))
  return Promise.all(tickets.map(({ code }) => scan(device.token, code)))
}

describe('the outbox', () => {
  it('threat 35: tells D1 every entry, once, whatever is told twice', async () => {
    await scanSome(5)
    await runDurableObjectAlarm(gatekeeperOf(event))
    expect((await inD1()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    // As after a crash between D1's yes and our note of it.
    await inside((_, state) => state.storage.sql.exec("UPDATE meta SET value = 0 WHERE key = 'drained'"))
    await gatekeeperOf(event).flush()
    expect((await inD1()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
  })

  it('adds up every entry once, whatever is told twice, out of turn, or half', async () => {
    const sums = async () => {
      const { results } = await env.DB.prepare(
        "SELECT scope, key, outcome, sum(scans) AS scans FROM tally WHERE event = unhex(?) AND scope IN ('event', 'gate') GROUP BY 1, 2, 3",
      )
        .bind(event.id.replaceAll('-', ''))
        .all<{ scope: string; key: string; outcome: string; scans: number }>()
      return results.map(({ scope, key, outcome, scans }) => `${scope}${key} ${outcome} ${scans}`)
    }
    await scanSome(5)
    await Promise.all([gatekeeperOf(event).flush(), gatekeeperOf(event).flush()])
    expect(await sums()).toEqual(['event admitted 5', 'gateGATE-A admitted 5'])
    await scanSome(2)
    await inside((_, state) => state.storage.sql.exec("UPDATE meta SET value = 3 WHERE key = 'drained'"))
    await gatekeeperOf(event).flush()
    expect(await sums()).toEqual(['event admitted 7', 'gateGATE-A admitted 7'])
    // As after D1 was brought back from a backup.
    await env.DB.prepare('DELETE FROM tally').run()
    await env.DB.prepare('DELETE FROM drained').run()
    await scanSome(1)
    await gatekeeperOf(event).flush()
    expect(await sums()).toEqual(['event admitted 8', 'gateGATE-A admitted 8'])
  })

  it('threat 28: lets scans go on while D1 is away, and catches up by itself', async () => {
    await env.DB.exec('ALTER TABLE entry RENAME TO entry_away')
    try {
      const answers = await scanSome(3)
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
      await runDurableObjectAlarm(gatekeeperOf(event))
      const again = await scanSome(1)
      expect(again[0]?.status).toBe(200)
      expect(await inside((_, state) => state.storage.getAlarm())).toBeGreaterThan(Date.now())
    } finally {
      await env.DB.exec('ALTER TABLE entry_away RENAME TO entry')
    }
    await runDurableObjectAlarm(gatekeeperOf(event))
    expect(await inD1()).toHaveLength(4)
  })

  it('asks D1 again soon, and ever later while it takes nothing', async () => {
    const waits: number[] = []
    const ask = async () => {
      const now = Date.now()
      vi.setSystemTime(now)
      await runDurableObjectAlarm(gatekeeperOf(event))
      const at = await inside((_, state) => state.storage.getAlarm())
      vi.useRealTimers()
      waits.push((at ?? Number.NaN) - now)
    }
    await scanSome(1)
    await env.DB.exec('ALTER TABLE entry RENAME TO entry_away')
    try {
      for (let failed = 0; failed < 5; failed++) await ask()
    } finally {
      await env.DB.exec('ALTER TABLE entry_away RENAME TO entry')
    }
    await ask()
    expect(waits.slice(0, 5)).toEqual([1000, 2000, 4000, 5000, 5000])
    expect(await inD1()).toHaveLength(1)
  })

  /** The entries of a long outage, written where the object writes them. */
  const waiting = async (count: number) => {
    await scanSome(1)
    await inside((_, { storage: { sql } }) => {
      const columns = sql
        .exec('SELECT * FROM entry')
        .columnNames.filter((name) => name !== 'seq' && name !== 'scan')
        .join(', ')
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO entry (seq, scan, ${columns}) SELECT i, randomblob(16), ${columns} FROM n, entry WHERE seq = 1`,
        count,
      )
    })
    await evictDurableObject(gatekeeperOf(event))
  }

  it('sends more than one statement takes', async () => {
    await waiting(1203)
    await gatekeeperOf(event).flush()
    const rows = await inD1()
    expect(rows).toHaveLength(1203)
    expect(new Set(rows.map(({ scan }) => scan)).size).toBe(1203)
  })

  it('tells D1 nothing that could not be written after all', async () => {
    const [twice, next] = await issue(event, {}, {})
    await waiting(70)
    // The newest entries are in memory, and the first of two that are brought home comes beside them for a moment.
    await gatekeeperOf(event).entries(asAdmin, 0, 100)
    const alone = { qrPayload: twice?.code, gateId: 'GATE-A', localTimestamp: new Date().toISOString() }
    const scans = ['admitted', { refused: 'already_admitted' }].map((verdict) => ({
      scanId: crypto.randomUUID(),
      verdict,
      ...alone,
    }))
    await inside(async (object, { storage: { sql } }) => {
      const d1 = Object.getPrototypeOf(env.DB)
      const batch = env.DB.batch
      const telling = vi.spyOn(d1, 'batch').mockImplementationOnce(async function (this: unknown, statements) {
        telling.mockRestore()
        const told = await batch.call(this as D1Database, statements as D1PreparedStatement[])
        sql.exec("CREATE TRIGGER full BEFORE INSERT ON entry WHEN NEW.seq = 72 BEGIN SELECT RAISE(ABORT, 'full'); END")
        const home = await call('POST', '/api/hp-scanner/offline-sync', { as: device.token, body: { scans } })
        expect(home.status).toBe(200)
        sql.exec('DROP TRIGGER full')
        return told
      })
      await object.alarm()
    })
    await scan(device.token, next?.code ?? '')
    await gatekeeperOf(event).flush()
    const logged = await inside((_, { storage: { sql } }) =>
      sql.exec<{ seq: number; scan: string }>('SELECT seq, hex(scan) AS scan FROM entry ORDER BY seq').toArray(),
    )
    expect(logged).toHaveLength(71)
    expect((await inD1()).map(({ seq, scan }) => ({ seq, scan }))).toEqual(logged)
  })

  describe('whose alarm was lost', () => {
    const alarm = () => inside((_, state) => state.storage.getAlarm())

    beforeEach(async () => {
      await scanSome(3)
      await inside((_, state) => state.storage.deleteAlarm())
    })

    it('sets it again when the object wakes up', async () => {
      await evictDurableObject(gatekeeperOf(event))
      await gatekeeperOf(event).ping()
      expect(await alarm()).not.toBeNull()
    })

    it('sets it again with the next scan, once it is overdue', async () => {
      await scanSome(1)
      expect(await alarm()).toBeNull()
      vi.setSystemTime(Date.now() + 60_000)
      try {
        await scanSome(1)
        expect(await alarm()).not.toBeNull()
      } finally {
        vi.useRealTimers()
      }
    })

    it('threat 36: drains with nobody’s help after it failed ten times', async () => {
      await env.DB.exec('ALTER TABLE entry RENAME TO entry_away')
      try {
        await scanSome(1)
        await inside((_, state) => state.storage.setAlarm(Date.now() + 60_000))
        for (let failed = 0; failed < 10; failed++) {
          await runDurableObjectAlarm(gatekeeperOf(event))
          expect(await alarm()).toBeGreaterThan(Date.now())
        }
      } finally {
        await env.DB.exec('ALTER TABLE entry_away RENAME TO entry')
      }
      await runDurableObjectAlarm(gatekeeperOf(event))
      expect(await inD1()).toHaveLength(4)
    })

    const fails = (storage: DurableObjectStorage) =>
      storage.sql.exec('ALTER TABLE meta RENAME COLUMN value TO value_away')
    const isWell = () => {}

    it.each([
      ['before D1 is told', fails, isWell],
      ['while D1 is told', isWell, fails],
    ])('sets it again where the storage fails %s', async (_, before, meanwhile) => {
      await inside(async (object, { storage }) => {
        const telling = vi.spyOn(Object.getPrototypeOf(env.DB), 'batch').mockImplementationOnce(async () => {
          meanwhile(storage)
          throw new Error('D1_ERROR: away')
        })
        before(storage)
        // How the round itself ends is not the question.
        await Promise.allSettled([object.alarm()])
        telling.mockRestore()
        storage.sql.exec('ALTER TABLE meta RENAME COLUMN value_away TO value')
      })
      expect(await alarm()).toBeGreaterThan(Date.now())
      await runDurableObjectAlarm(gatekeeperOf(event))
      expect(await inD1()).toHaveLength(3)
    })

    it('is drained by the cron sweep without any', async () => {
      await worker.scheduled(createScheduledController({ cron: '* * * * *' }), env)
      expect(await inD1()).toHaveLength(3)
    })
  })
})

describe('the log', () => {
  it('threat 06: is chained: each entry is sealed together with all before it', async () => {
    await scanSome(4)
    const entries = await gatekeeperOf(event).entries(asAdmin, 0, 100)
    if (!entries.ok) throw new Error('no log')
    const stored = await inside((_, state) =>
      state.storage.sql.exec<{ chain: ArrayBuffer }>('SELECT chain FROM entry ORDER BY seq').toArray(),
    )
    let link = chainStart
    for (const [i, entry] of entries.value.entries()) {
      link = chain(link, entry)
      expect(new Uint8Array(stored[i]?.chain ?? new ArrayBuffer())).toEqual(link)
    }
    const [first] = entries.value
    if (!first) throw new Error('the log is empty')
    expect(chain(chainStart, { ...first, people: 2 })).not.toEqual(chain(chainStart, first))
  })

  it('holds refusals and no names', async () => {
    const [ticket] = await issue(event, { holder: { name: 'Ada Lovelace', email: 'ada@example.com' } })
    await scan(device.token, ticket?.code ?? '')
    await scan(device.token, ticket?.code ?? '')
    const rows = await inside((_, state) => state.storage.sql.exec('SELECT * FROM entry').toArray())
    expect(rows).toHaveLength(2)
    expect(JSON.stringify(rows)).not.toMatch(/Ada|Lovelace|example\.com/)
  })
})

describe('the Gatekeeper', () => {
  it('counts the same after an eviction as before', async () => {
    await scanSome(7)
    const before = await gatekeeperOf(event).stats(asAdmin)
    await evictDurableObject(gatekeeperOf(event))
    const after = await gatekeeperOf(event).stats(asAdmin)
    expect(after).toEqual(before)
    expect(before).toMatchObject({ value: { stats: { admitted: 7, inside: { main: 7 }, byGate: { 'GATE-A': 7 } } } })
  })

  it('writes nothing for an event that does not exist', async () => {
    const nobody = env.GATEKEEPER.getByName(crypto.randomUUID())
    expect(await nobody.describe(asAdmin)).toEqual({ ok: false, problem: { code: 'not_found' } })
    await nobody.flush()
    const tables = await runInDurableObject(nobody, (_, state) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    )
    expect(tables).toEqual([])
  })

  it('made twice is the same event', async () => {
    const described = await gatekeeperOf(event).describe(asAdmin)
    if (!described.ok) throw new Error('no event')
    const again = await gatekeeperOf(event).create({ ...described.value, title: 'Another' })
    expect(again).toEqual(described)
  })

  it('threat 38: that fails half way through a scan has written nothing of it, and judges the next one afresh', async () => {
    const [ticket] = await issue(event, {})
    await inside(async (_, state) => {
      // The log cannot be written any more: the standing before it must not stay either.
      state.storage.sql.exec('ALTER TABLE entry RENAME COLUMN chain TO chained')
    })
    expect((await scan(device.token, ticket?.code ?? '')).status).toBe(500)
    await inside((_, state) => {
      state.storage.sql.exec('ALTER TABLE entry RENAME COLUMN chained TO chain')
      expect(state.storage.sql.exec('SELECT * FROM standing').toArray()).toEqual([])
    })
    expect((await scan(device.token, ticket?.code ?? '')).body.verdict).toBe('admitted')
    expect((await gatekeeperOf(event).stats(asAdmin)).ok).toBe(true)
  })

  it('says that it does not know where the disk fails under a scan, and judges it when it is sent again', async () => {
    const [ticket, other] = await issue(event, {}, {})
    const scanId = crypto.randomUUID()
    const socket = await listen(event.id, device.token)
    await socket.next('hello')
    const disk = await inside((_, { storage: { sql } }) => {
      const real = sql.exec
      return vi.spyOn(Object.getPrototypeOf(sql), 'exec').mockImplementation(function (this: unknown, text, ...values) {
        if (String(text).startsWith('INSERT INTO entry')) throw new Error('disk I/O error: SQLITE_IOERR')
        return real.call(this as SqlStorage, text as string, ...values)
      })
    })
    const broken = await scan(device.token, ticket?.code ?? '', { scanId })
    const overSocket = await socket.scan(other?.code ?? '')
    disk.mockRestore()
    socket.socket.close()
    expect([broken.status, broken.body.code, broken.headers.get('Retry-After')]).toEqual([503, 'unavailable', '1'])
    expect([overSocket.status, overSocket.body.code]).toEqual([503, 'unavailable'])
    const again = await scan(device.token, ticket?.code ?? '', { scanId })
    expect(again.body).toMatchObject({ verdict: 'admitted', replay: false })
  })

  it('counts codes that are none, and does not log them', async () => {
    await scan(device.token, 'https://example.com/not-a-ticket')
    const counts = () =>
      inside((_, state) => state.storage.sql.exec('SELECT reason, count FROM invalid_code').toArray())
    await expect.poll(counts, { timeout: 5000 }).toEqual([{ reason: 'unreadable', count: 1 }])
    expect(await inside((_, state) => new Set(state.storage.sql.exec('SELECT seq FROM entry').toArray()).size)).toBe(0)
  })
})

describe('a rehearsal', () => {
  /** A copy of the event with a ticket, and a device that scans there. */
  async function rehearse() {
    const made = await call('POST', `${event.path}/rehearsals`, { as: event.key })
    expect(made.status).toBe(201)
    const { id } = made.body.data.event as { id: string }
    const copy = { id, path: `/api/events/${id}`, key: event.key }
    await call('PUT', `${copy.path}/staff/sam`, { as: event.key, body: { name: 'Sam', role: 'scanner' } })
    const issued = await call('POST', `${event.path}/rehearsals/${id}/tickets`, {
      as: event.key,
      body: { type: 'vip', count: 2 },
    })
    const codes = issued.body.data.tickets.map(({ qr_token }: { qr_token: string }) => qr_token) as string[]
    return { copy, made: made.body.data.event, codes, scanner: await newDevice(copy) }
  }

  it('judges as the event will, is on now, and stands in no list and no measurement of the real ones', async () => {
    await call('PUT', `${event.path}/ticket-types/vip`, {
      as: event.key,
      body: { name: 'VIP', validFrom: '2099-01-01T00:00:00Z' },
    })
    const { copy, made, codes, scanner } = await rehearse()
    expect(made).toMatchObject({ title: 'Rehearsal of Tech Expo 2026', rehearsalOf: event.id, closedAt: null })
    expect((await scan(scanner.token, codes[0] ?? '', { gateId: 'GATE-V' })).body.verdict).toBe('admitted')
    const listed = await call('GET', '/api/events', { as: event.key })
    expect(listed.body.data.items.map(({ id }: { id: string }) => id)).toEqual([event.id])
    expect((await call('GET', '/metrics', { as: event.key })).text).not.toContain(copy.id)
    const known = await call('GET', `${event.path}/rehearsals`, { as: event.key })
    expect(known.body.data.items).toMatchObject([{ id: copy.id }])
  })

  it('has tickets that are good nowhere else, and leaves no mark on the event', async () => {
    const before = await inside((_, state) => state.storage.sql.exec('SELECT key, value FROM meta').toArray())
    const { codes, scanner } = await rehearse()
    expect((await scan(device.token, codes[0] ?? '')).body.code).toBe('wrong_event')
    const [real] = await issue(event)
    expect((await scan(scanner.token, real?.code ?? '')).body.code).toBe('wrong_event')
    const after = await inside((_, state) => state.storage.sql.exec('SELECT key, value FROM meta').toArray())
    const watched = ['event', 'epoch', 'revision', 'drained']
    const of = (rows: Record<string, SqlStorageValue>[]) => rows.filter(({ key }) => watched.includes(String(key)))
    expect(of(after)).toEqual(of(before))
  })

  it('is gone without a trace when it is deleted, and nothing that is meant can be deleted so', async () => {
    const { copy, codes, scanner } = await rehearse()
    await scan(scanner.token, codes[0] ?? '')
    await gatekeeperOf(copy).flush()
    await scan(scanner.token, codes[1] ?? '')
    const other = await newEvent()
    for (const [as, path] of [
      [event.key, `${event.path}/rehearsals/${event.id}`],
      [other.key, `${other.path}/rehearsals/${copy.id}`],
      [event.key, `${other.path}/rehearsals/${copy.id}`],
    ] as const) {
      expect((await call('DELETE', path, { as })).status).toBe(404)
    }
    const path = `${event.path}/rehearsals/${copy.id}`
    expect((await call('DELETE', path, { as: event.key })).body.data).toEqual({ deleted: true })
    expect(await rowsInD1(copy.id)).toEqual({})
    expect((await scan(scanner.token, codes[1] ?? '')).status).toBe(404)
    expect((await call('GET', copy.path, { as: event.key })).status).toBe(404)
    expect((await call('DELETE', path, { as: event.key })).status).toBe(404)
    expect((await call('GET', event.path, { as: event.key })).status).toBe(200)
    await gatekeeperOf(copy).flush()
    expect(await rowsInD1(copy.id)).toEqual({})
  })

  it('that was left behind is deleted after a day', async () => {
    const { copy } = await rehearse()
    await env.DB.prepare('UPDATE event SET created_at = created_at - 90000000 WHERE id = unhex(?)')
      .bind(copy.id.replaceAll('-', ''))
      .run()
    await sweep(env, Date.now())
    expect((await call('GET', copy.path, { as: event.key })).status).toBe(404)
    expect((await call('GET', event.path, { as: event.key })).status).toBe(200)
  })

  /** How many rows of an event each of D1's tables has, where it has any. */
  async function rowsInD1(eventId: string): Promise<Record<string, number>> {
    const id = eventId.replaceAll('-', '')
    const tables = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%event BLOB%'",
    ).all<{ name: string }>()
    expect(tables.results.map(({ name }) => name)).toContain('entry')
    const counts: Record<string, number> = {}
    for (const [table, column] of [...tables.results.map(({ name }) => [name, 'event']), ['event', 'id']]) {
      const row = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${column} = unhex(?)`).bind(id).first()
      if (Number(row?.n) > 0) counts[String(table)] = Number(row?.n)
    }
    return counts
  }
})
