import { Gatekeeper as Judge } from '../durable-objects/gatekeeper.ts'
import type { Env } from './env.ts'
import { deskOf } from './scan-desk.ts'

/** The Gatekeeper as it is deployed: with somebody at its sockets who opens codes. */
export class Gatekeeper extends Judge {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, deskOf(env))
  }
}
