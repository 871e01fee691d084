import type { JobMessage } from '../core/job.ts'
import type { Gatekeeper } from '../durable-objects/gatekeeper.ts'

/** What `wrangler.toml` binds. */
export type Env = {
  GATEKEEPER: DurableObjectNamespace<Gatekeeper>
  DB: D1Database
  QR_IMAGES: KVNamespace
  /** What `npm run build` makes of web/. */
  ASSETS: Fetcher
  JOBS: Queue<JobMessage>
  /** Counts who comes without a good credential, by address; and calls with a ticket's link, by link. */
  STRANGERS: RateLimit
  LINKS: RateLimit
  /** How many seconds KV keeps an image; 0: it keeps none. */
  QR_CACHE_SECONDS: string
  /** What is written to the logs: `debug`, `info`, `warn`, `error` or `silent`. */
  LOG_LEVEL: string
  /** Where Analytics Engine is bound, one point a request. */
  ANALYTICS?: AnalyticsEngineDataset
  /** The hours of the event's day in which images are drawn beforehand by themselves, such as 1-6; empty: never. */
  QR_WARM_HOURS: string
  /** Whose word is taken for who somebody is; empty: nobody's. See `workers/cloudflare-access.ts`. */
  ACCESS_TEAM_DOMAIN: string
  ACCESS_AUD: string
  ADMIN_KEY: string
  /** The deployment key before this one, as long as it is good too. */
  ADMIN_KEY_PREVIOUS?: string
  TICKET_KEY: string
  /** Other secrets that open what was made with them: core/key-ring.ts. */
  TICKET_KEY_PREVIOUS?: string
  /** `true` in a local start that was asked to tell endpoints on this computer. Never bound in production. */
  ALLOW_LOCAL_WEBHOOKS?: string
}
