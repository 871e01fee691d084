import { z } from 'zod'
import type { EventId } from '../core/ids.ts'
import { log } from '../durable-objects/logging.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { type Route, route } from './route.ts'
import { VERSION } from './version.ts'

type Components = Record<'gatekeeper' | 'd1' | 'kv', 'operational' | 'down'>

/** Anyone may ask, so what is behind is asked at most this often from one isolate. */
const FRESH_MS = 2000

let last: { at: number; components: Components } | null = null

const component = z.enum(['operational', 'down'])

/** Whether what scanning needs can be reached. Entry needs only the Gatekeeper. */
export const healthRoute: Route = route({
  method: 'get',
  path: '/api/hp-scanner/health',
  summary: 'Whether all is well (outside the envelope)',
  tag: 'Scanner',
  role: null,
  answer: z.object({
    success: z.literal(true),
    status: z.enum(['operational', 'degraded']),
    timestamp: z.iso.datetime(),
    scanner: z.literal('high-performance'),
    version: z.string(),
    components: z.object({ gatekeeper: component, d1: component, kv: component }),
  }),
  handle: ({ env }) => serveHealth(env),
})

/** What can be reached, as of a moment ago. */
export async function componentsNow(env: Env, at: number): Promise<Components> {
  if (last === null || at - last.at > FRESH_MS) last = { at, components: await probe(env) }
  return last.components
}

async function serveHealth(env: Env): Promise<Response> {
  const at = Date.now()
  const components = await componentsNow(env, at)
  const operational = Object.values(components).every((state) => state === 'operational')
  return Response.json(
    {
      success: true,
      status: operational ? 'operational' : 'degraded',
      timestamp: new Date(at).toISOString(),
      scanner: 'high-performance',
      version: VERSION,
      components,
    },
    { status: components.gatekeeper === 'operational' ? 200 : 503 },
  )
}

async function probe(env: Env): Promise<Components> {
  const [gatekeeper, d1, kv] = await Promise.all([
    // An object that belongs to no event: strangers do not reach one that does.
    state(askGatekeeperAlone(env, 'health' as EventId, (object) => object.ping())),
    state(env.DB.prepare('SELECT 1').first()),
    state(env.QR_IMAGES.get('health')),
  ])
  return { gatekeeper, d1, kv }
}

async function state(answer: Promise<unknown>): Promise<'operational' | 'down'> {
  try {
    await answer
    return 'operational'
  } catch (error) {
    log('warn', 'health: a component does not answer', { error })
    return 'down'
  }
}
