/// <reference types="@cloudflare/workers-types" />

import type { Env } from '../../../workers/env.ts'
import { Gatekeeper as Honest } from '../../../workers/gatekeeper.ts'
import { lending } from './lending.ts'

export { default, WebhookSender } from '../../../workers/index.ts'

/**
 * A Gatekeeper with one fault: its outbox notes as told whatever it has sent, whether D1 took it or failed. As long as D1
 * takes everything, nobody can tell.
 */
export class Gatekeeper extends Honest {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, { ...env, DB: believed(env.DB) })
  }
}

function believed(db: D1Database): D1Database {
  let upTo = 0
  return lending(db, {
    prepare: (sql: string) => {
      const statement = db.prepare(sql)
      if (!sql.startsWith('UPDATE drained SET seq = ?4')) return statement
      const bind = (...values: unknown[]) => {
        upTo = Number(values[3])
        return statement.bind(...values)
      }
      return lending(statement, { bind })
    },
    batch: async (statements: D1PreparedStatement[]) => {
      const word = [{ results: [{ seq: upTo }] }]
      await Promise.allSettled([db.batch(statements)])
      return word
    },
  })
}
