/// <reference types="@cloudflare/workers-types" />

import type { Env } from '../../../workers/env.ts'
import type { Gatekeeper as Honest } from '../../../workers/gatekeeper.ts'
import { lending } from './lending.ts'

/*
 * A platform that fails whoever runs on it: KV never works, D1 is away every other while and now and then takes what it
 * is told without being heard, and one in twenty entries cannot be written. None of that is a fault of the server's, and
 * nobody may be told anything for it that does not hold.
 */

const AWAY_MS = 2000

function isAway(): boolean {
  return Math.floor(Date.now() / AWAY_MS) % 2 === 0
}

const kv = new Proxy({} as KVNamespace, {
  get: () => () => Promise.reject(new Error('KV is away')),
})

function failing(db: D1Database): D1Database {
  return lending(db, {
    batch: async (statements: D1PreparedStatement[]) => {
      if (isAway()) throw new Error('D1_ERROR: away')
      const results = await db.batch(statements)
      if (Math.random() < 0.3) throw new Error('D1_ERROR: the answer did not come')
      return results
    },
  })
}

/** A Gatekeeper, whole or broken, where D1 and the storage fail. */
export function withFailingParts(Gatekeeper: typeof Honest): typeof Honest {
  return class extends Gatekeeper {
    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, { ...env, DB: failing(env.DB) })
      const { sql } = ctx.storage
      const failingSql = {
        exec: (query: string, ...bindings: unknown[]) => {
          const isEntry = query.trimStart().startsWith('INSERT INTO entry')
          if (isEntry && Math.random() < 0.05) throw new Error('disk I/O error: SQLITE_IOERR')
          return sql.exec(query, ...bindings)
        },
      }
      const storage = lending(ctx.storage, { sql: failingSql })
      this.ctx = lending(ctx, { storage }) as typeof this.ctx
    }
  }
}

type Fetching = { fetch: (request: never, env: never, ctx: never) => Response | Promise<Response> }

/** A Worker, whole or broken, where KV fails. */
export function withoutKv<T extends Fetching>(worker: T) {
  return {
    ...worker,
    fetch: (request: Request, env: Env, ctx: ExecutionContext) =>
      worker.fetch(request as never, { ...env, QR_IMAGES: kv } as never, ctx as never),
  }
}
