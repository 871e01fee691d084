import type { Stats } from '../../core/stats.ts'
import type { Filled, Filling } from '../filling.ts'

/*
 * Makes an event of any size as if its tickets had been issued and scanned, by SQL in the Gatekeeper's own tables: copies of
 * one ticket that was issued and one scan that was judged, in place of hours of calls. What is not there is the chain: every
 * copied entry bears the hash of the one it was copied from. The order of scans has nothing to do with that of the
 * tickets, so that the indexes look as they do after an evening.
 */

const AT_ONCE = 20_000

/** Larger than any number of tickets, and prime: multiplied by it, they come in an order that looks like none. */
const STRIDE = 15_485_863

/** `sum` is what the log adds up to, which is of one entry as yet. The object is to be opened anew after this. */
export function fillEvent(
  storage: DurableObjectStorage,
  { scanned, fresh, madeAt, people }: Filling,
  sum: Stats,
): Filled {
  const { sql } = storage
  const all = scanned + fresh
  const every = Math.floor(all / fresh)
  // Whole numbers go into the text: a bound one would be a REAL.
  const id = (of: string) => `unhex(printf('%012x7%03x8%015x', ${madeAt} + ${of}, ${of} % 4096, ${of}))`
  const isFresh = (of: string) => `(${of} % ${every} = 0 AND ${of} / ${every} < ${fresh})`
  const shortCode = (of: string) => `printf('%08X', (${of} * 2654435761) & 4294967295)`
  const chunks = Array.from({ length: Math.ceil(all / AT_ONCE) }, (_, i) => i * AT_ONCE)
  const inChunks = (statement: (numbers: string) => string) => {
    for (const from of chunks) {
      const to = Math.min(all, from + AT_ONCE)
      const numbers = `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})`
      storage.transactionSync(() => sql.exec(statement(numbers)))
    }
  }

  const copy = (table: string, own: Record<string, string>) => {
    const columns = sql.exec<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`).toArray()
    const names = columns.map(({ name }) => name)
    return { names: names.join(', '), values: names.map((name) => own[name] ?? `m.${name}`).join(', ') }
  }
  const first = 'SELECT * FROM entry WHERE seq = 1'

  const ticket = copy('ticket', { id: id('i'), short_code: shortCode('i'), reference: 'NULL', booking: 'NULL' })
  inChunks(
    (numbers) => `${numbers} INSERT INTO ticket (${ticket.names}) SELECT ${ticket.values}
      FROM n CROSS JOIN ticket m WHERE m.id = (SELECT ticket FROM entry WHERE seq = 1)`,
  )
  const name = `(SELECT value FROM json_each('${JSON.stringify(people.map(({ name }) => name))}') WHERE key = i % ${people.length})`
  inChunks(
    (numbers) => `${numbers} INSERT INTO holder (ticket, name, email)
      SELECT ${id('i')}, ${people.length > 0 ? name : 'NULL'}, 'guest' || i || '@example.com' FROM n`,
  )
  for (const word of [`'com'`, `'example'`, `'guest' || i`, `lower(${shortCode('i')})`])
    inChunks((numbers) => `${numbers} INSERT INTO search_word (word, ticket) SELECT ${word}, ${id('i')} FROM n`)
  storage.transactionSync(() => {
    for (const [at, { words }] of people.entries()) {
      if (at >= all) break
      for (const word of words)
        sql.exec(
          `WITH RECURSIVE n(i) AS (SELECT ${at} UNION ALL SELECT i + ${people.length} FROM n
           WHERE i + ${people.length} < ${all}) INSERT INTO search_word (word, ticket) SELECT ?, ${id('i')} FROM n`,
          word,
        )
    }
  })

  const at = `m.received_at - 43200000 + n.i * 43200000 / ${all}`
  // As the scanner makes them: they begin with their time.
  const scanId = `unhex(printf('%012x7%03x8%015x', ${at}, n.i % 4096, n.i))`
  const own = { seq: 'NULL', scan: scanId, ticket: id('t'), scanned_at: at, received_at: at }
  const entry = copy('entry', own)
  inChunks(
    (numbers) => `${numbers} INSERT INTO entry (${entry.names})
      SELECT ${entry.values} FROM (SELECT i, i * ${STRIDE} % ${all} AS t FROM n) n CROSS JOIN (${first}) m
      WHERE NOT ${isFresh('t')} ORDER BY n.i`,
  )
  const before = sql.databaseSize
  const standing = copy('standing', {
    ticket: 'e.ticket',
    admission: 'e.seq',
    first_at: 'e.scanned_at',
    last_at: 'e.scanned_at',
  })
  for (let seq = 1; seq < 1 + scanned; seq += AT_ONCE)
    storage.transactionSync(() =>
      sql.exec(
        `INSERT INTO standing (${standing.names}) SELECT ${standing.values} FROM entry e CROSS JOIN standing m
         WHERE m.ticket = (SELECT ticket FROM entry WHERE seq = 1) AND e.seq > ${seq} AND e.seq <= ${seq + AT_ONCE}`,
      ),
    )
  const standingBytes = sql.databaseSize - before
  sql.exec('UPDATE sold SET tickets = tickets + ?, people = people + ?', all, all)
  const entries = scanned + 1
  sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('stats', ?)", JSON.stringify(times(sum, entries)))
  sql.exec("UPDATE meta SET value = ? WHERE key = 'drained'", entries)
  return { entries, standingBytes, databaseBytes: sql.databaseSize }
}

/** Copies of one entry add up to so many times what it does. */
function times(sums: Stats, count: number): unknown {
  return JSON.parse(JSON.stringify(sums), (_, value) => (typeof value === 'number' ? value * count : value))
}
