/// <reference types="@cloudflare/workers-types" />

import type { Env } from '../../../workers/env.ts'
import honest from '../../../workers/index.ts'

export { Gatekeeper, WebhookSender } from '../../../workers/index.ts'

/** A Worker with one fault: an image comes from what KV says, or not at all. As long as KV answers, nobody can tell. */
export const needsKv = {
  ...honest,
  fetch: async (request: Request, env: Env, ctx: ExecutionContext): Promise<Response> => {
    if (new URL(request.url).pathname.startsWith('/qr/')) await env.QR_IMAGES.get('any image')
    return honest.fetch(request as never, env as never, ctx as never)
  },
}
export default needsKv
