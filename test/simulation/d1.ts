import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Statements } from './sql.ts'
import type { World } from './world.ts'

type Bound = { sql: string; values: unknown[]; run: () => Promise<unknown> }
type Result = { results: Record<string, unknown>[] }

/** What D1 has of an entry, as far as it is compared with the log. */
export type D1Entry = {
  seq: number
  scan: string
  verdict: string
  people: number
  inside_change: number
  annulled: number
}

/** What a mutant does to D1's side of the outbox. */
export type D1Mutation = (statements: Bound[], send: (statements: Bound[]) => Promise<Result[]>) => Promise<Result[]>

const migrations = join(import.meta.dirname, '../../migrations')
// Looked for before any evening begins: what looks for files draws from the chance that is the evening's then.
const files = globSync('*.sql', { cwd: migrations }).sort()
const indexes = `SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'`
let shared: { database: DatabaseSync; statements: Statements } | null = null

/** One database for all evenings of a process, with the migrations that ship; each evening begins with nothing in it. */
function emptied() {
  if (shared === null) {
    const database = new DatabaseSync(':memory:')
    for (const file of files) {
      database.exec(readFileSync(join(migrations, file), 'utf8'))
    }
    // What only makes reports fast, which nobody asks for here, changes no answer: only the keys do.
    for (const { name } of database.prepare(indexes).all()) database.exec(`DROP INDEX ${name}`)
    shared = { database, statements: new Statements(database) }
  }
  for (const table of ['entry', 'tally', 'latency_tally', 'drained', 'event']) {
    shared.database.exec(`DELETE FROM ${table}`)
  }
  return shared
}

/**
 * D1, with its own SQL and keys. It is away for a while, or takes what it is told and its answer is lost, or comes late:
 * then the outbox tells it again.
 */
export class D1 {
  readonly #world: World
  readonly #database: DatabaseSync
  readonly #statements: Statements
  readonly #after: (ms: number, call: () => void) => void
  /** What leaves the object waits until all that was written before is on the disk. */
  readonly #durable: () => Promise<void>
  readonly #mutation: D1Mutation | null
  isAway = false
  /** How often it takes something and is not heard. */
  unheard = 0

  constructor(
    world: World,
    after: (ms: number, call: () => void) => void,
    durable: () => Promise<void>,
    mutation: D1Mutation | null,
  ) {
    const { database, statements } = emptied()
    this.#database = database
    this.#statements = statements
    this.#durable = durable
    this.#world = world
    this.#after = after
    this.#mutation = mutation
  }

  /** As the Gatekeeper has it. */
  binding() {
    const prepare = (sql: string) => ({
      bind: (...values: unknown[]): Bound => ({
        sql,
        values,
        run: () => this.#send([{ sql, values, run: async () => {} }]),
      }),
    })
    const mutation = this.#mutation
    const batch = (statements: Bound[]) =>
      mutation === null ? this.#send(statements) : mutation(statements, (one) => this.#send(one))
    return { prepare, batch }
  }

  entries(): D1Entry[] {
    return this.#all(
      `SELECT seq, lower(hex(scan)) AS scan, verdict, people, inside_change, annulled_at IS NOT NULL AS annulled
       FROM entry ORDER BY seq`,
    ) as D1Entry[]
  }

  /** People by outcome, over the whole event, as the tallies add them up. */
  tallies(): Map<string, { scans: number; people: number }> {
    const rows = this.#all(
      `SELECT outcome, sum(scans) AS scans, sum(people) AS people FROM tally WHERE scope = 'event' GROUP BY outcome`,
    ) as { outcome: string; scans: number; people: number }[]
    return new Map(rows.map(({ outcome, scans, people }) => [outcome, { scans, people }]))
  }

  async #send(statements: Bound[]): Promise<Result[]> {
    await this.#durable()
    await this.#wait(this.#world.chance.between(1, 8))
    if (this.isAway) throw new Error('D1_ERROR: away')
    const results = this.#transact(statements)
    if (this.#world.chance.happens(this.unheard)) throw new Error('D1_ERROR: the network went before the answer came')
    await this.#wait(this.#world.chance.between(1, 4))
    return results
  }

  /** Where the Gatekeeper dies meanwhile, it never hears. */
  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(ms, resolve))
  }

  #transact(statements: Bound[]): Result[] {
    this.#database.exec('BEGIN')
    try {
      const results = statements.map(({ sql, values }) => ({ results: this.#all(sql, values) }))
      this.#database.exec('COMMIT')
      return results
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #all(sql: string, values: unknown[] = []): Record<string, unknown>[] {
    const statement = this.#statements.get(sql)
    return statement.all(values).map((row) => statement.toRow(row))
  }
}
