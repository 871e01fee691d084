import {
  blob,
  customType,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'
import { bytesToUuid, type OrganisationId, uuidToBytes } from '../../core/ids.ts'
import { tallyScopes } from '../../core/tally.ts'

/*
 * D1 as drizzle reads it. The tables themselves are made by `migrations/`; a test holds the two together.
 */

/** A UUID, stored as its 16 bytes. D1 gives a blob as an array of numbers. */
const uuid = <T extends string>(name: string) =>
  customType<{ data: T; driverData: Uint8Array | number[] }>({
    dataType: () => 'blob',
    toDriver: (id) => uuidToBytes(id as never),
    fromDriver: (bytes) => bytesToUuid<never>(Uint8Array.from(bytes)) as T,
  })(name)

const bytes = (name: string) => blob(name, { mode: 'buffer' }).$type<Uint8Array>()

export const organisation = sqliteTable('organisation', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  createdAt: integer('created_at').notNull(),
})

export const organisationKey = sqliteTable('organisation_key', {
  id: uuid('id').primaryKey(),
  organisation: uuid('organisation').notNull(),
  name: text('name').notNull(),
  role: text('role', { enum: ['organiser', 'supervisor', 'viewer'] }).notNull(),
  hash: bytes('hash').notNull().unique(),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at'),
  revokedAt: integer('revoked_at'),
})

export const organisationAudit = sqliteTable(
  'organisation_audit',
  {
    organisation: uuid<OrganisationId>('organisation').notNull(),
    no: integer('no').notNull(),
    line: text('line').notNull(),
    network: text('network'),
    salt: bytes('salt'),
    chain: bytes('chain').notNull(),
  },
  (table) => [primaryKey({ columns: [table.organisation, table.no] })],
)

export const member = sqliteTable(
  'member',
  {
    id: uuid('id').primaryKey(),
    organisation: uuid('organisation').notNull(),
    email: text('email').notNull(),
    role: text('role', { enum: ['organiser', 'supervisor', 'viewer'] }).notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [uniqueIndex('member_email').on(table.email, table.organisation)],
)

export const event = sqliteTable('event', {
  id: uuid('id').primaryKey(),
  tag: bytes('tag').notNull(),
  organisation: uuid('organisation').notNull(),
  title: text('title').notNull(),
  startsAt: integer('starts_at').notNull(),
  endsAt: integer('ends_at').notNull(),
  timezone: text('timezone').notNull(),
  location: text('location'),
  capacity: integer('capacity'),
  createdAt: integer('created_at').notNull(),
  closedAt: integer('closed_at'),
  version: integer('version').notNull(),
  rehearsalOf: uuid<string>('rehearsal_of'),
  forgetAt: integer('forget_at'),
})

export const wrongCode = sqliteTable(
  'wrong_code',
  { address: bytes('address').notNull(), minute: integer('minute').notNull(), tries: integer('tries').notNull() },
  (table) => [primaryKey({ columns: [table.address, table.minute] })],
)

export const entry = sqliteTable(
  'entry',
  {
    event: uuid('event').notNull(),
    epoch: integer('epoch').notNull(),
    seq: integer('seq').notNull(),
    scan: uuid('scan').notNull(),
    ticket: uuid('ticket'),
    type: text('type'),
    gate: text('gate').notNull(),
    zone: text('zone').notNull(),
    device: text('device'),
    staff: text('staff'),
    direction: text('direction').notNull(),
    people: integer('people').notNull(),
    verdict: text('verdict').notNull(),
    code: text('code'),
    attempt: integer('attempt'),
    forced: integer('forced').notNull(),
    offline: integer('offline').notNull(),
    insideChange: integer('inside_change').notNull(),
    scannedAt: integer('scanned_at').notNull(),
    receivedAt: integer('received_at').notNull(),
    validationMs: real('validation_ms').notNull(),
    annuls: integer('annuls'),
    annulledAt: integer('annulled_at'),
    admission: integer('admission'),
  },
  (table) => [
    primaryKey({ columns: [table.event, table.epoch, table.seq] }),
    index('entry_time').on(table.event, table.scannedAt),
  ],
)

export const tally = sqliteTable(
  'tally',
  {
    event: uuid('event').notNull(),
    scope: text('scope', { enum: tallyScopes }).notNull(),
    key: text('key').notNull(),
    at: integer('at').notNull(),
    outcome: text('outcome').notNull(),
    scans: integer('scans').notNull(),
    people: integer('people').notNull(),
    firstAt: integer('first_at').notNull(),
    lastAt: integer('last_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.event, table.scope, table.key, table.at, table.outcome] })],
)

export const latencyTally = sqliteTable(
  'latency_tally',
  {
    event: uuid('event').notNull(),
    scope: text('scope', { enum: tallyScopes }).notNull(),
    key: text('key').notNull(),
    bucket: integer('bucket').notNull(),
    scans: integer('scans').notNull(),
  },
  (table) => [primaryKey({ columns: [table.event, table.scope, table.key, table.bucket] })],
)

export const drained = sqliteTable(
  'drained',
  { event: uuid('event').notNull(), epoch: integer('epoch').notNull(), seq: integer('seq').notNull() },
  (table) => [primaryKey({ columns: [table.event, table.epoch] })],
)
