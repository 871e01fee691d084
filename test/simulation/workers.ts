/** What of `cloudflare:workers` the shipped Gatekeeper extends. */
export class DurableObject<Env> {
  protected ctx: unknown
  protected env: Env

  constructor(ctx: unknown, env: Env) {
    this.ctx = ctx
    this.env = env
  }
}

/** What an entry point of the Worker extends there; here it is only ever named, by the route table. */
export class WorkerEntrypoint {}
