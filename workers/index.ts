import type { JobMessage } from '../core/job.ts'
import { app } from './api.ts'
import type { Env } from './env.ts'
import { carryOn } from './jobs.ts'
import { sweep } from './sweep.ts'

export { Gatekeeper } from './gatekeeper.ts'
export { WebhookSender } from './webhook-sender.ts'

export default {
  fetch: app.fetch,
  scheduled: (_controller, env) => sweep(env, Date.now()),
  queue: (batch, env) => carryOn(batch, env),
} satisfies ExportedHandler<Env, JobMessage>
