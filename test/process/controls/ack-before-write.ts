/// <reference types="@cloudflare/workers-types" />
import { Gatekeeper as Honest } from '../../../durable-objects/gatekeeper.ts'

export { default } from '../../../workers/index.ts'

/** For so long a scan that was answered is nowhere but in memory. */
const WRITE_AFTER_MS = 1000

type Statement = { query: string; bindings: unknown[] }

/**
 * A Gatekeeper with one fault: it judges a scan, answers, and writes it later. As long as nobody kills it, no scanner
 * can tell: what is not written yet is put into the tables before each scan is judged, and taken out again with it.
 */
export class Gatekeeper extends Honest {
  #unwritten: Statement[] = []
  #written: Statement[] | null = null

  constructor(ctx: DurableObjectState, env: ConstructorParameters<typeof Honest>[1]) {
    super(ctx, env)
    const { storage } = ctx
    const sql = {
      exec: (query: string, ...bindings: unknown[]) => {
        if (!query.startsWith('SELECT')) this.#written?.push({ query, bindings })
        return storage.sql.exec(query, ...bindings)
      },
    }
    const late = {
      sql,
      transactionSync: <T>(work: () => T): T => this.#answerFirst(storage, work),
      getAlarm: () => storage.getAlarm(),
      setAlarm: (at: number) => storage.setAlarm(at),
      sync: () => Promise.resolve(),
    }
    const { id, exports } = ctx
    const rest = { id, exports, waitUntil: (work: Promise<unknown>) => ctx.waitUntil(work), getWebSockets: () => [] }
    this.ctx = { ...rest, storage: late } as unknown as typeof this.ctx
  }

  #answerFirst<T>(storage: DurableObjectStorage, work: () => T): T {
    let outcome: { value: T } | null = null
    const written: Statement[] = []
    try {
      return storage.transactionSync(() => {
        for (const { query, bindings } of this.#unwritten) storage.sql.exec(query, ...bindings)
        this.#written = written
        const value = work()
        const isScan = written.every(({ query }) => / INTO (entry|standing) /.test(query))
        if (isScan) {
          outcome = { value }
          throw new TakenBack()
        }
        // Whatever else is done is written at once, and everything before it with it.
        this.#unwritten = []
        return value
      })
    } catch (error) {
      if (!(error instanceof TakenBack) || !outcome) throw error
      if (this.#unwritten.length === 0 && written.length > 0) setTimeout(() => this.#write(storage), WRITE_AFTER_MS)
      this.#unwritten.push(...written)
      return (outcome as { value: T }).value
    } finally {
      this.#written = null
    }
  }

  #write(storage: DurableObjectStorage): void {
    const statements = this.#unwritten
    this.#unwritten = []
    storage.transactionSync(() => {
      for (const { query, bindings } of statements) storage.sql.exec(query, ...bindings)
    })
  }
}

class TakenBack extends Error {}
