import type { D1Migration } from 'cloudflare:test'
import type { Env } from '../../workers/env.ts'

declare global {
  namespace Cloudflare {
    interface Env extends Bindings {}
    interface GlobalProps {
      mainModule: typeof import('../../workers/index.ts')
    }
  }
}

type Bindings = Env & { MIGRATIONS: D1Migration[]; SHARDS: string }
