import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

type Value = ArrayBuffer | string | number | null

/** A Durable Object's SQL storage over SQLite itself, in memory. What was not committed is gone after a crash. */
export class Sql {
  readonly #database = new DatabaseSync(':memory:')
  readonly #statements = new Map<string, { statement: StatementSync; names: number[] | null }>()
  #depth = 0

  constructor() {
    this.#database.exec('BEGIN')
  }

  exec(query: string, ...bindings: unknown[]) {
    if (bindings.length === 0 && query.includes(';')) {
      this.#database.exec(query)
      return cursorOf([])
    }
    const { statement, names } = this.#prepared(query)
    const values = bindings.map(toSqlite)
    if (names === null) return cursorOf(statement.all(...values))
    return cursorOf(statement.all(Object.fromEntries(names.map((no) => [`p${no}`, values[no - 1] ?? null]))))
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

function cursorOf(found: object[]) {
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
