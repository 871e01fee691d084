import { Gatekeeper as RealGatekeeper } from '../../durable-objects/gatekeeper.ts'
import { app } from '../../workers/api.ts'
import type { Env } from '../../workers/env.ts'

// The worker as it is deployed, and beside it the two calls that its scans are measured against.

export * from '../../workers/index.ts'
export { default } from '../../workers/index.ts'

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
}

app.post('/bench/hello', () => Response.json({ success: true, message: 'hello' }))

app.post('/bench/noop/:eventId', async (c) => {
  await c.req.text()
  return Response.json({ success: true, message: await gatekeeperOf(c.env, c.req.param('eventId')).noop() })
})

app.post('/bench/settle/:eventId', async (c) => {
  await gatekeeperOf(c.env, c.req.param('eventId')).settle()
  return Response.json({ success: true })
})

function gatekeeperOf(env: Env, eventId: string): { noop: () => Promise<'done'>; settle: () => Promise<number> } {
  return env.GATEKEEPER.getByName(eventId) as unknown as ReturnType<typeof gatekeeperOf>
}
