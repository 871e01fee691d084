import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Miniflare } from 'miniflare'
import { Failure, inOneLine } from './failure.ts'

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>

/** Brings a D1 database up to date with the files of a folder, each once, recorded as wrangler records them. */
export async function migrate(database: Database, folder: string): Promise<void> {
  await database.prepare(createRecord).run()
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>()
  const applied = new Set(results.map(({ name }) => name))
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql') && !applied.has(name)).sort(byNumber)
  if (files.length === 0) return

  // D1 takes one statement at a time. Imported here because loading wrangler takes a second.
  const { unstable_splitSqlQuery: split } = await import('wrangler')
  for (const name of files) await apply(database, name, split(await readFile(join(folder, name), 'utf8')))
}

// Exactly wrangler's table, so that either may go on where the other stopped.
const createRecord = `CREATE TABLE IF NOT EXISTS "d1_migrations"(
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);`

async function apply(database: Database, name: string, statements: string[]): Promise<void> {
  const record = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)
  try {
    // One batch is one transaction: a migration and its record stand or fall together.
    await database.batch([...statements.map((statement) => database.prepare(statement)), record])
  } catch (error) {
    throw new Failure(`The migration ${name} failed: ${inOneLine(error)}.`)
  }
}

function byNumber(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || a.localeCompare(b)
}
