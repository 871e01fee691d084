import { Shards } from '../../durable-objects/shards/shards.ts'
import { app } from '../../workers/api.ts'
import type { Env } from '../../workers/env.ts'
import { Gatekeeper as RealGatekeeper } from '../../workers/gatekeeper.ts'
import type { Filled, Filling } from '../filling.ts'
import { fillEvent } from './fill-event.ts'
import { fillLog } from './fill-log.ts'

// The worker as it is deployed, and beside it the two calls that its scans are measured against.

export * from '../../workers/index.ts'
export { default } from '../../workers/index.ts'

let isHeldBack = false
const { gather } = Shards.prototype
Shards.prototype.gather = async function (shard) {
  if (!isHeldBack) await gather.call(this, shard)
}

/** The real one. It takes the place of the one that `export *` names. */
export class Gatekeeper extends RealGatekeeper {
  noop(): 'done' {
    return 'done'
  }

  /** Tells D1 everything, so that one measurement does not pay for another's scans. */
  async settle(): Promise<number> {
    for (;;) {
      await this.flush()
      const stats = this.stats({ kind: 'admin' })
      if (!stats.ok || stats.value.pending === 0) return 0
    }
  }

  /** While it holds, shards keep what they judged: what that costs is measured apart. */
  hold(isHolding: boolean): void {
    isHeldBack = isHolding
  }

  /** Fills the event with tickets and entries, after the one scan that they are copied from. */
  async fill(filling: Filling): Promise<Filled> {
    await this.settle()
    const stats = this.stats({ kind: 'admin' })
    if (!stats.ok || stats.value.stats.seq !== 1) throw new Error('an event is filled after its first scan')
    const filled = fillEvent(this.ctx.storage, filling, stats.value.stats)
    await this.ctx.storage.sync()
    return filled
  }

  /** Forgets what is in memory: whoever calls next wakes it up. The call itself fails. */
  evict(): never {
    this.ctx.abort('evicted by the bench')
    throw new Error('evicted')
  }
}

app.post('/bench/hello', () => Response.json({ success: true, message: 'hello' }))

app.post('/bench/noop/:eventId', async (c) => {
  await c.req.text()
  return Response.json({ success: true, message: await gatekeeperOf(c.env, c.req.param('eventId')).noop() })
})

app.post('/bench/hold/:eventId', async (c) => {
  await gatekeeperOf(c.env, c.req.param('eventId')).hold(true)
  return Response.json({ success: true })
})

/** Takes in what was held back. */
app.post('/bench/gather/:eventId', async (c) => {
  const gatekeeper = gatekeeperOf(c.env, c.req.param('eventId'))
  await gatekeeper.hold(false)
  await gatekeeper.gather()
  return Response.json({ success: true })
})

app.post('/bench/settle/:eventId', async (c) => {
  await gatekeeperOf(c.env, c.req.param('eventId')).settle()
  return Response.json({ success: true })
})

/** Writes entries to D1 as the outbox would have, of an epoch that no log has. */
app.post('/bench/fill/:eventId', async (c) => {
  const { entries } = await c.req.json<{ entries: number }>()
  const event = c.req.param('eventId').replaceAll('-', '')
  for (let from = 0; from < entries; from += FILLED_AT_ONCE) {
    const count = Math.min(FILLED_AT_ONCE, entries - from)
    await c.env.DB.prepare(fillEntries).bind(event, from, count).run()
  }
  return Response.json({ success: true })
})

/** The same as a log that reports are made of, with its sums. */
app.post('/bench/fill-log/:eventId', async (c) => {
  await fillLog(c.env.DB, c.req.param('eventId'), await c.req.json())
  return Response.json({ success: true })
})

/** Fills an event; D1 is told only how far the log is, as if it had all of it. */
app.post('/bench/fill-event/:eventId', async (c) => {
  const eventId = c.req.param('eventId')
  const filled = await gatekeeperOf(c.env, eventId).fill(await c.req.json())
  await c.env.DB.prepare('UPDATE drained SET seq = ? WHERE event = unhex(?)')
    .bind(filled.entries, eventId.replaceAll('-', ''))
    .run()
  return Response.json({ success: true, data: filled })
})

app.post('/bench/evict/:eventId', async (c) => {
  // It fails as soon as the object is gone, which is what was asked for.
  const why = await gatekeeperOf(c.env, c.req.param('eventId')).evict().catch(String)
  return Response.json({ success: why.includes('evicted by the bench'), message: why })
})

const FILLED_AT_ONCE = 50_000

const fillEntries = `WITH RECURSIVE n(i) AS (SELECT CAST(?2 AS INTEGER) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 + ?3)
  INSERT INTO entry (event, epoch, seq, scan, ticket, type, gate, zone, device, staff, direction, people, verdict, forced,
  offline, inside_change, scanned_at, received_at, validation_ms)
  SELECT unhex(?1), 9, i, randomblob(16), randomblob(16), 'standard', 'G' || (1 + i % 4), 'main', 'scanner-' || (i % 20),
  'steward', 'entry', 1, 'admitted', 0, 0, 1, 1795000000000 + 40 * i, 1795000000003 + 40 * i, 2.5 FROM n`

type Benched = {
  noop: () => Promise<'done'>
  hold: (isHolding: boolean) => Promise<void>
  gather: () => Promise<void>
  settle: () => Promise<number>
  fill: (filling: Filling) => Promise<Filled>
  evict: () => Promise<string>
}

function gatekeeperOf(env: Env, eventId: string): Benched {
  return env.GATEKEEPER.getByName(eventId) as unknown as Benched
}
