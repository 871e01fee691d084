import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

type Value = ArrayBuffer | string | number | null
type Row = Record<string, unknown>

export type Statement = { query: string; bindings: unknown[] }

/** What a mutant writes in the place of what was to be written; null: nothing. */
export type SqlMutation = (statement: Statement) => Statement | null

/** A Durable Object's SQL storage over SQLite itself, in memory. What was not committed is gone after a crash. */
export class Sql {
  readonly #database = new DatabaseSync(':memory:')
  readonly #statements = new Statements(this.#database)
  readonly #mutation: SqlMutation | null
  readonly #changes = this.#database.prepare('SELECT changes() AS n')
  readonly #begin = this.#database.prepare('BEGIN')
  readonly #commit = this.#database.prepare('COMMIT')
  readonly #savepoints: { open: StatementSync; release: StatementSync }[] = []
  #depth = 0

  constructor(mutation: SqlMutation | null = null) {
    this.#mutation = mutation
    this.#begin.run()
  }

  exec(query: string, ...bindings: unknown[]) {
    if (this.#mutation === null) return this.#run(query, bindings)
    const mutated = this.#mutation({ query, bindings })
    return mutated === null ? noRows : this.#run(mutated.query, mutated.bindings)
  }

  /** What stands there, for whoever looks from outside: no mutant is in the way. */
  look(query: string, ...bindings: unknown[]) {
    return this.#run(query, bindings).toArray()
  }

  #run(query: string, bindings: unknown[]) {
    if (bindings.length === 0 && query.includes(';')) {
      this.#database.exec(query)
      return noRows
    }
    const prepared = this.#statements.get(query)
    return new Cursor(prepared, prepared.all(bindings), this.#changes)
  }

  transaction<T>(work: () => T): T {
    const savepoint = this.#savepoint(this.#depth++)
    savepoint.open.run()
    try {
      const result = work()
      savepoint.release.run()
      return result
    } catch (error) {
      this.#database.exec(`ROLLBACK TO s${this.#depth}; RELEASE s${this.#depth}`)
      throw error
    } finally {
      this.#depth -= 1
    }
  }

  commit(): void {
    this.#commit.run()
    this.#begin.run()
  }

  crash(): void {
    this.#database.exec('ROLLBACK; BEGIN')
  }

  close(): void {
    this.#database.close()
  }

  #savepoint(depth: number) {
    const known = this.#savepoints[depth]
    if (known) return known
    const name = `s${depth + 1}`
    const made = {
      open: this.#database.prepare(`SAVEPOINT ${name}`),
      release: this.#database.prepare(`RELEASE ${name}`),
    }
    this.#savepoints[depth] = made
    return made
  }
}

/** The statements of a database, each prepared once. */
export class Statements {
  readonly #database: DatabaseSync
  readonly #known = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(query: string): Prepared {
    const known = this.#known.get(query)
    if (known) return known
    const made = new Prepared(this.#database, query)
    this.#known.set(query, made)
    return made
  }
}

/** A statement whose rows are lists of values: with names Node makes each of them in more time than the look-up takes. */
class Prepared {
  readonly #statement: StatementSync
  /** Which value each place takes; null: each its own. */
  readonly #places: number[] | null
  #toRow: ((values: readonly Value[]) => Row) | null = null

  constructor(database: DatabaseSync, query: string) {
    const { text, places } = placed(query)
    this.#places = places
    this.#statement = database.prepare(text)
    this.#statement.setReturnArrays(true)
  }

  all(bindings: readonly unknown[]): Value[][] {
    const values = (this.#places?.map((no) => bindings[no - 1] ?? null) ?? bindings) as SQLInputValue[]
    for (let i = 0; i < values.length; i++) {
      const value: unknown = values[i]
      if (value instanceof ArrayBuffer) values[i] = new Uint8Array(value)
    }
    const rows = this.#statement.all(...values) as unknown as Value[][]
    for (const row of rows) {
      for (let i = 0; i < row.length; i++) {
        const value: unknown = row[i]
        if (value instanceof Uint8Array) row[i] = bufferOf(value)
      }
    }
    return rows
  }

  get columnNames(): string[] {
    return this.#statement.columns().map(({ name }) => name)
  }

  /** One row with the names of its columns. */
  get toRow(): (values: readonly Value[]) => Row {
    this.#toRow ??= rowMaker(this.columnNames)
    return this.#toRow
  }
}

/** What a query gave, as a Durable Object tells it. */
class Cursor {
  readonly #prepared: Prepared
  readonly #values: Value[][]
  readonly #changes: StatementSync

  constructor(prepared: Prepared, values: Value[][], changes: StatementSync) {
    this.#prepared = prepared
    this.#values = values
    this.#changes = changes
  }

  get columnNames(): string[] {
    return this.#prepared.columnNames
  }

  get rowsWritten(): number {
    return Number(this.#changes.get()?.n)
  }

  toArray(): Row[] {
    return this.#values.length === 0 ? [] : this.#values.map(this.#prepared.toRow)
  }

  one(): Row {
    if (this.#values.length !== 1) throw new Error(`one row was expected, not ${this.#values.length}`)
    return this.#prepared.toRow(this.#values[0] as Value[])
  }

  raw(): IterableIterator<Value[]> {
    return this.#values.values()
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.toArray().values()
  }
}

const noRows = { rowsWritten: 0, toArray: () => [], raw: () => [].values(), [Symbol.iterator]: () => [].values() }

/**
 * Numbered parameters as bare ones, which Node binds by their place. A bare `?` is one more than the highest so far, as
 * SQLite has it.
 */
function placed(query: string): { text: string; places: number[] | null } {
  if (!/\?\d/.test(query)) return { text: query, places: null }
  let highest = 0
  const places: number[] = []
  const text = query.replace(/\?(\d*)/g, (_, digits: string) => {
    const no = digits === '' ? highest + 1 : Number(digits)
    highest = Math.max(highest, no)
    places.push(no)
    return '?'
  })
  return { text, places }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  const whole = buffer as ArrayBuffer
  return byteLength === whole.byteLength ? whole : whole.slice(byteOffset, byteOffset + byteLength)
}

/** All rows of a query have the same shape, which the engine that runs this knows its way around in. */
function rowMaker(names: readonly string[]): (values: readonly Value[]) => Row {
  const members = names.map((name, i) => `${JSON.stringify(name)}: values[${i}]`)
  return new Function('values', `return { ${members.join(', ')} }`) as (values: readonly Value[]) => Row
}
