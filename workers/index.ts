import { app } from './api.ts'
import type { Env } from './env.ts'
import { sweep } from './sweep.ts'

export { Gatekeeper } from '../durable-objects/gatekeeper.ts'

export default {
  fetch: app.fetch,
  scheduled: (_controller, env) => sweep(env, Date.now()),
} satisfies ExportedHandler<Env>
