import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

type Value = ArrayBuffer | string | number | null

export type Statement = { query: string; bindings: unknown[] }

/** What a mutant writes in the place of what was to be written; null: nothing. */
export type SqlMutation = (statement: Statement) => Statement | null

/** A Durable Object's SQL storage over SQLite itself, in memory. What was not committed is gone after a crash. */
export class Sql {
  readonly #database = new DatabaseSync(':memory:')
  readonly #statements = new Map<string, { statement: StatementSync; names: number[] | null }>()
  readonly #mutation: SqlMutation | null
  readonly #changes = this.#database.prepare('SELECT changes() AS n')
  #depth = 0

  constructor(mutation: SqlMutation | null = null) {
    this.#mutation = mutation
    this.#database.exec('BEGIN')
  }

  exec(query: string, ...bindings: unknown[]) {
    if (this.#mutation === null) return this.#run({ query, bindings })
    const mutated = this.#mutation({ query, bindings })
    return mutated === null ? cursorOf([]) : this.#run(mutated)
  }

  #run({ query, bindings }: Statement) {
    if (bindings.length === 0 && query.includes(';')) {
      this.#database.exec(query)
      return cursorOf([])
    }
    const { statement, names } = this.#prepared(query)
    const values = bindings.map(toSqlite)
    const bound = names === null ? values : [Object.fromEntries(names.map((no) => [`p${no}`, values[no - 1] ?? null]))]
    return cursorOf(statement.all(...(bound as never[])), () => Number(this.#changes.get()?.n))
  }

  transaction<T>(work: () => T): T {
    const name = `s${++this.#depth}`
    this.#database.exec(`SAVEPOINT ${name}`)
    try {
      const result = work()
      this.#database.exec(`RELEASE ${name}`)
      return result
    } catch (error) {
      this.#database.exec(`ROLLBACK TO ${name}; RELEASE ${name}`)
      throw error
    } finally {
      this.#depth -= 1
    }
  }

  commit(): void {
    this.#database.exec('COMMIT; BEGIN')
  }

  crash(): void {
    this.#database.exec('ROLLBACK; BEGIN')
  }

  close(): void {
    this.#database.close()
  }

  #prepared(query: string) {
    const known = this.#statements.get(query)
    if (known) return known
    const { text, names } = /\?\d/.test(query) ? named(query) : { text: query, names: null }
    const made = { statement: this.#database.prepare(text), names }
    this.#statements.set(query, made)
    return made
  }
}

/** A query as Node takes it, with what is bound to it. */
export function bind(query: string, bindings: unknown[]): { text: string; parameters: unknown[] } {
  const values = bindings.map(toSqlite)
  if (!/\?\d/.test(query)) return { text: query, parameters: values }
  const { text, names } = named(query)
  return { text, parameters: [Object.fromEntries(names.map((no) => [`p${no}`, values[no - 1] ?? null]))] }
}

/** Node binds numbered parameters by name only. A bare `?` is one more than the highest so far, as SQLite has it. */
function named(query: string): { text: string; names: number[] } {
  let highest = 0
  const names = new Set<number>()
  const text = query.replace(/\?(\d*)/g, (_, digits: string) => {
    const no = digits === '' ? highest + 1 : Number(digits)
    highest = Math.max(highest, no)
    names.add(no)
    return `$p${no}`
  })
  return { text, names: [...names] }
}

function toSqlite(value: unknown): SQLInputValue {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : (value as SQLInputValue)
}

function cursorOf(found: object[], rowsWritten: () => number = () => 0) {
  const rows = found as Record<string, unknown>[]
  for (const row of rows) {
    for (const name in row) {
      const value = row[name]
      if (value instanceof Uint8Array) {
        const { buffer, byteOffset, byteLength } = value
        row[name] = byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
      }
    }
  }
  return {
    get rowsWritten() {
      return rowsWritten()
    },
    toArray: () => rows,
    one: () => {
      if (rows.length !== 1) throw new Error(`one row was expected, not ${rows.length}`)
      return rows[0]
    },
    raw: function* () {
      for (const row of rows) yield Object.values(row) as Value[]
    },
    [Symbol.iterator]: () => rows[Symbol.iterator](),
  }
}
