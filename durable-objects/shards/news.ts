import { bytesToUuid, type TicketId, uuidToBytes } from '../../core/ids.ts'
import { roomTables } from './rooms.ts'

/** What the shards have not heard of: tickets that were changed, and whether anything else was. */
export type News = { configuration: number | null; tickets: { id: TicketId; no: number }[] }

/** Stands in place of a ticket where it is the configuration that was changed. */
const CONFIGURATION = new Uint8Array()

/** What everybody who judges must know of, whichever ticket it is: copied whole, as none of it grows with the tickets. */
export const configurationTables = [
  'zone',
  'ticket_type',
  'gate',
  'staff',
  'device',
  'device_token',
  'device_block',
  'code_format',
] as const

/** What is known of one ticket, and in which column of each table it is named. */
export const ticketTables = [
  ['ticket', 'id'],
  ['holder', 'ticket'],
  ['code', 'ticket'],
  ['reissue', 'ticket'],
  ['ticket_change', 'ticket'],
] as const

/**
 * Notes tickets anew, as they may have been told of meanwhile. Not by `INSERT OR REPLACE`: of a trigger SQLite takes what to
 * do about a conflict from the statement that fired it.
 */
const note = (ticket: string, rows: string) =>
  `INSERT INTO untold (ticket, no) SELECT ${ticket}, (SELECT ifnull(max(no), 0) + 1 FROM untold) ${rows}
   ON CONFLICT (ticket) DO UPDATE SET no = excluded.no;`

const nothing = "x''"

/**
 * From now on whatever is changed here that shards must know of is noted in the same transaction, by the database itself,
 * so that no change can be forgotten. Only for an event that is divided: no other pays for it.
 */
export function noteChanges(sql: SqlStorage): void {
  sql.exec(`CREATE TABLE untold (ticket BLOB PRIMARY KEY, no INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX untold_no ON untold (no);
    CREATE TABLE taken (shard INTEGER NOT NULL, seq INTEGER NOT NULL, own INTEGER NOT NULL, PRIMARY KEY (shard, seq))
      STRICT, WITHOUT ROWID;${roomTables}`)
  const on = (table: string, when: string, ticket: string, rows = 'WHERE true') =>
    sql.exec(`CREATE TRIGGER untold_${table}_${when} AFTER ${when} ON ${table} BEGIN ${note(ticket, rows)} END`)
  for (const table of configurationTables) for (const when of ['INSERT', 'UPDATE', 'DELETE']) on(table, when, nothing)
  on('meta', 'INSERT', nothing, "WHERE NEW.key = 'event'")
  for (const [table, column] of ticketTables) {
    for (const when of ['INSERT', 'UPDATE']) on(table, when, `NEW.${column}`)
    on(table, 'DELETE', `OLD.${column}`)
  }
  on('booking', 'UPDATE', 'id', 'FROM ticket WHERE booking = NEW.no')
}

/** There are no shards any more that anything is to be told, or that fill any room. */
export function stopNoting(sql: SqlStorage): void {
  const named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'untold\\_%' ESCAPE '\\'"
  for (const { name } of sql.exec<{ name: string }>(named).toArray()) sql.exec(`DROP TRIGGER "${name}"`)
  for (const table of ['untold', 'allotment', 'elsewhere']) sql.exec(`DELETE FROM ${table}`)
}

/** Whether there is anything that the shards have not heard of. */
export function hasNews(sql: SqlStorage): boolean {
  return sql.exec('SELECT 1 FROM untold LIMIT 1').toArray().length > 0
}

/** What they have not heard of, of so many tickets at most. */
export function readNews(sql: SqlStorage, limit: number): News {
  const rows = sql
    .exec<{ ticket: ArrayBuffer; no: number }>('SELECT ticket, no FROM untold ORDER BY ticket LIMIT ?', limit + 1)
    .toArray()
  const configuration = rows.find(({ ticket }) => ticket.byteLength === 0)
  return {
    configuration: configuration?.no ?? null,
    tickets: rows
      .filter((row) => row !== configuration)
      .map(({ ticket, no }) => ({ id: bytesToUuid<TicketId>(new Uint8Array(ticket)), no })),
  }
}

/** They have heard. What was changed again meanwhile is still to be told. */
export function wereTold(sql: SqlStorage, { configuration, tickets }: News): void {
  const remove = 'DELETE FROM untold WHERE ticket = ? AND no = ?'
  if (configuration !== null) sql.exec(remove, CONFIGURATION, configuration)
  for (const { id, no } of tickets) sql.exec(remove, uuidToBytes(id), no)
}
