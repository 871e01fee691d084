import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { getTableColumns, getTableName } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { migrate, steps } from '../../durable-objects/schema.ts'
import * as schema from '../../workers/db/schema.ts'

const fresh = <T>(look: (sql: SqlStorage) => T) =>
  runInDurableObject(env.GATEKEEPER.getByName(crypto.randomUUID()), (_, state) => look(state.storage.sql))

const shapeOf = (sql: SqlStorage) =>
  sql
    .exec(
      "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY name",
    )
    .toArray()

describe("the Gatekeeper's schema", () => {
  it('threat 32: comes to the same from every earlier version, and keeps what was there', async () => {
    const newest = await fresh((sql) => {
      migrate(sql)
      return shapeOf(sql)
    })
    for (let version = 1; version <= steps.length; version++) {
      await fresh((sql) => {
        migrate(sql, version)
        sql.exec("INSERT INTO meta (key, value) VALUES ('kept', 'from before')")
        for (const [no, state] of [
          '1, NULL, NULL',
          '0, NULL, NULL',
          '0, 5, NULL',
          '1, 5, 6',
          '1, NULL, NULL',
        ].entries())
          sql.exec(
            `INSERT INTO ticket (id, type, admits, issued_at, paid, blocked_at, revoked_at, attention, short_code, link)
             VALUES (?, 1, 1, 1790000000, ${state}, 0, ?, 1)`,
            new Uint8Array(16).fill(no),
            String(no),
          )
        migrate(sql)
        expect(sql.exec('SELECT status, tickets FROM ticket_count ORDER BY status').toArray()).toEqual([
          { status: 'blocked', tickets: 1 },
          { status: 'revoked', tickets: 1 },
          { status: 'unpaid', tickets: 1 },
          { status: 'valid', tickets: 2 },
        ])
        expect(shapeOf(sql)).toEqual(newest)
        expect(sql.exec("SELECT value FROM meta WHERE key = 'kept'").one().value).toBe('from before')
        expect(sql.exec("SELECT value FROM meta WHERE key = 'schema'").one().value).toBe(steps.length)
      })
    }
  })

  it('taken to the newest version twice is taken there once', async () => {
    await fresh((sql) => {
      migrate(sql)
      const before = shapeOf(sql)
      migrate(sql)
      expect(shapeOf(sql)).toEqual(before)
    })
  })

  it('threat 32: only ever adds', () => {
    // A trigger says what it keeps from happening or follows, and what is counted is counted on.
    const triggers = /CREATE TRIGGER \w+ (BEFORE|AFTER) (DELETE|UPDATE OF [\w, ]+) ON/g
    const countedOn = /DO UPDATE SET (\w+) = \1 \+ -?1\b/g
    for (const step of steps) {
      expect(step.replaceAll(triggers, '').replaceAll(countedOn, '')).not.toMatch(/\b(DROP|RENAME|DELETE|UPDATE)\b/i)
    }
  })
})

describe("D1's tables", () => {
  const tables = [
    schema.organisation,
    schema.organisationKey,
    schema.organisationAudit,
    schema.member,
    schema.event,
    schema.wrongCode,
    schema.entry,
    schema.tally,
    schema.latencyTally,
    schema.drained,
  ]

  it.each(tables.map((table) => [getTableName(table), table] as const))(
    '%s is as drizzle reads it',
    async (name, table) => {
      const { results } = await env.DB.prepare(`SELECT name, "notnull" FROM pragma_table_info(?)`)
        .bind(name)
        .all<{ name: string; notnull: number }>()
      const described = Object.values(getTableColumns(table)).map((column) => ({
        name: column.name,
        notnull: column.notNull ? 1 : 0,
      }))
      expect(described).toEqual(results)
    },
  )

  it('are all described', async () => {
    const { results } = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'd1\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    ).all<{ name: string }>()
    expect(results.map(({ name }) => name).sort()).toEqual(tables.map((table) => getTableName(table)).sort())
  })
})
