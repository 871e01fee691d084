import { type TicketId, uuidToBytes } from '../../core/ids.ts'
import type { Meta } from '../meta.ts'
import { configurationTables, ticketTables } from './news.ts'

/** Rows of one table, as they stand there. */
type Rows = { columns: string[]; values: SqlStorageValue[][] }

/** What a shard is to know from now on, in place of what it knew of the same. */
export type Replica = {
  /** Rises with each copy: one that comes late is not taken any more. */
  no: number
  shard: number
  /** All of the configuration; null where it has not changed. */
  configuration: { event: string; formats: number; tables: Record<string, Rows> } | null
  /** These tickets, and everything that is known of them. */
  tickets: { ids: TicketId[]; tables: Record<string, Rows> }
}

/** Everything of the configuration that a shard judges by. */
export function configurationOf(sql: SqlStorage, meta: Meta): NonNullable<Replica['configuration']> {
  const tables = Object.fromEntries(configurationTables.map((table) => [table, rowsOf(sql, `SELECT * FROM ${table}`)]))
  return { event: meta.text('event') ?? 'null', formats: meta.number('formats'), tables }
}

/** Everything that is known of these tickets, but where they stand: that, their shard knows. */
export function ticketsOf(sql: SqlStorage, ids: TicketId[]): Replica['tickets'] {
  const given = JSON.stringify(ids.map((id) => id.replaceAll('-', '')))
  const these = '(SELECT unhex(value) FROM json_each(?))'
  const tables = Object.fromEntries(
    ticketTables.map(([table, column]) => [
      table,
      rowsOf(sql, `SELECT * FROM ${table} WHERE ${column} IN ${these}`, given),
    ]),
  )
  const bookings = `SELECT * FROM booking WHERE no IN (SELECT booking FROM ticket WHERE id IN ${these})`
  return { ids, tables: { booking: rowsOf(sql, bookings, given), ...tables } }
}

/** Takes over what a shard is to know. The caller holds the transaction, and reads everything anew afterwards. */
export function takeOver(sql: SqlStorage, meta: Meta, { no, shard, configuration, tickets }: Replica): void {
  if (no < meta.number('copy')) return
  meta.set('copy', no)
  if (configuration !== null) {
    meta.set('shard', shard)
    meta.set('event', configuration.event)
    // A signed code is judged only where it was opened with the formats of now.
    meta.set('formats', configuration.formats)
    for (const [table, rows] of Object.entries(configuration.tables)) {
      sql.exec(`DELETE FROM ${table}`)
      insert(sql, table, rows)
    }
  }
  for (const id of tickets.ids) {
    for (const [table, column] of ticketTables) sql.exec(`DELETE FROM ${table} WHERE ${column} = ?`, uuidToBytes(id))
  }
  for (const [table, rows] of Object.entries(tickets.tables)) insert(sql, table, rows)
}

function rowsOf(sql: SqlStorage, query: string, ...bindings: SqlStorageValue[]): Rows {
  const cursor = sql.exec(query, ...bindings)
  return { columns: cursor.columnNames, values: [...cursor.raw()] }
}

function insert(sql: SqlStorage, table: string, { columns, values }: Rows): void {
  if (values.length === 0) return
  const places = columns.map(() => '?').join(', ')
  const statement = `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${places})`
  for (const row of values) sql.exec(statement, ...row)
}
