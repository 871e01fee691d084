/** What of `cloudflare:workers` the shipped Gatekeeper extends. */
export class DurableObject<Env> {
  protected ctx: unknown
  protected env: Env

  constructor(ctx: unknown, env: Env) {
    this.ctx = ctx
    this.env = env
  }
}
