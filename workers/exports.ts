import { CSV_BYTE_ORDER_MARK, type CsvCell, csvRow } from '../core/csv.ts'
import type { EventDetails } from '../core/event.ts'
import type { EventId, TicketId } from '../core/ids.ts'
import { zonedIso } from '../core/local-day.ts'
import type { Actor } from '../durable-objects/actor.ts'
import type { ExportedTicket } from '../durable-objects/tickets/exporting.ts'
import { namesFor, showAuditLine, type WireAuditLine } from './audit-line.ts'
import { type DuplicateRow, duplicatesAfter, type EntryRow, entriesAfter } from './db/entries.ts'
import type { Env } from './env.ts'
import { askGatekeeper, askGatekeeperAlone, Unavailable } from './gatekeepers.ts'
import { idOfRow, type Linking, showEntryRow, showTicket } from './shapes.ts'

export const exportKinds = ['tickets', 'entries', 'duplicates', 'audit'] as const
export type ExportKind = (typeof exportKinds)[number]
export type ExportFormat = 'csv' | 'ndjson'

/** What an export is made of. `gateNames` and the event are those of the moment it began. */
export type Exporting = {
  env: Env
  actor: Actor
  eventId: EventId
  linking: Linking
  event: EventDetails
  gateNames: ReadonlyMap<string, string>
}

/** Entries in one query of D1: a worker may make so many queries and no more, and this is 2,000 for a million. */
const ENTRIES_A_PAGE = 500

const AUDIT_LINES_A_PAGE = 500

/** Tickets in one call of the Gatekeeper: few milliseconds, since scans wait for it. */
const TICKETS_A_PAGE = 200

/** Gives an export as pieces of text, each made when it is asked for: what is in memory does not grow with the event. */
export async function* exportText(kind: ExportKind, format: ExportFormat, from: Exporting): AsyncGenerator<string> {
  switch (kind) {
    case 'tickets':
      return yield* written(ticketPages(from), format === 'csv' ? ticketCsv(from) : ticketNdjson(from))
    case 'entries':
      return yield* written(entryPages(from), format === 'csv' ? entryCsv(from) : entryNdjson(from))
    case 'duplicates':
      return yield* written(duplicatePages(from), format === 'csv' ? duplicateCsv(from) : duplicateNdjson(from))
    case 'audit':
      return yield* auditText(format, auditPages(from))
  }
}

/** How one kind of thing is written: what stands at the head, and a line for each. */
type Writing<T> = { head: string; line: (item: T) => string }

async function* written<T>(pages: AsyncIterable<T[]>, { head, line }: Writing<T>): AsyncGenerator<string> {
  yield head
  for await (const page of pages) yield page.map(line).join('')
}

async function* ticketPages({ env, eventId, actor }: Exporting): AsyncGenerator<ExportedTicket[]> {
  let cursor: TicketId | null | undefined
  do {
    const after: TicketId | undefined = cursor ?? undefined
    const page = await askGatekeeper(env, eventId, (gatekeeper) =>
      gatekeeper.exportTickets(actor, after, TICKETS_A_PAGE),
    )
    if (!page.ok) throw new Unavailable(page.problem.code)
    yield page.value.items
    cursor = page.value.nextCursor
  } while (cursor !== null)
}

async function* entryPages({ env, eventId }: Exporting): AsyncGenerator<EntryRow[]> {
  let last: EntryRow | undefined
  do {
    const page = await entriesAfter(env.DB, eventId, last ?? { epoch: 0, seq: 0 }, ENTRIES_A_PAGE)
    yield page
    last = page.length === ENTRIES_A_PAGE ? page.at(-1) : undefined
  } while (last)
}

async function* duplicatePages({ env, eventId }: Exporting): AsyncGenerator<DuplicateRow[]> {
  let last: EntryRow | undefined
  do {
    const page = await duplicatesAfter(env.DB, eventId, last ?? { scannedAt: 0, epoch: 0, seq: 0 }, ENTRIES_A_PAGE)
    yield page
    last = page.length === ENTRIES_A_PAGE ? page.at(-1)?.duplicate : undefined
  } while (last)
}

async function* auditPages({ env, eventId, actor }: Exporting): AsyncGenerator<WireAuditLine[]> {
  const names = await namesFor(env, actor)
  for (let last = 0, full = true; full; ) {
    const page = await askGatekeeperAlone(env, eventId, (it) => it.auditAfter(actor, last, AUDIT_LINES_A_PAGE))
    if (!page.ok) throw new Unavailable(page.problem.code)
    yield page.value.map((line) => showAuditLine(line, names))
    last = page.value.at(-1)?.line.no ?? last
    full = page.value.length === AUDIT_LINES_A_PAGE
  }
}

/** The audit log as a file, whoever's it is. */
export function auditText(format: ExportFormat, pages: AsyncIterable<WireAuditLine[]>): AsyncGenerator<string> {
  return written(pages, format === 'csv' ? auditCsv : { head: '', line: ndjson })
}

const ndjson = (value: unknown) => `${JSON.stringify(value)}\n`

function ticketNdjson({ linking }: Exporting): Writing<ExportedTicket> {
  return {
    head: '',
    line: (facts) =>
      ndjson({
        ...showTicket(facts, linking),
        code: facts.code,
        issuedAt: new Date(facts.ticket.issuedAt * 1000).toISOString(),
      }),
  }
}

function entryNdjson({ gateNames }: Exporting): Writing<EntryRow> {
  return { head: '', line: (row) => ndjson({ ...showEntryRow(row, gateNames), type: row.type }) }
}

function duplicateNdjson({ gateNames }: Exporting): Writing<DuplicateRow> {
  return {
    head: '',
    line: ({ duplicate, original }) =>
      ndjson({
        ...showEntryRow(duplicate, gateNames),
        type: duplicate.type,
        original: original && showEntryRow(original, gateNames),
      }),
  }
}

/** A table's columns: the head of each and what stands in it. */
type Columns<T> = Record<string, (item: T) => CsvCell>

/** The names of what an import reads come first and are spelt alike, so that the file can be read in again. */
function ticketCsv({ event, linking }: Exporting): Writing<ExportedTicket> {
  const local = localTime(event)
  const inZone = (zone: string) => (item: ExportedTicket) => item.standings.find((one) => one.zone === zone)?.standing
  const columns: Columns<ExportedTicket> = {
    reference: ({ ticket }) => ticket.reference,
    type: ({ ticket }) => ticket.type,
    name: ({ ticket }) => ticket.holder.name,
    email: ({ ticket }) => ticket.holder.email,
    bookingId: ({ ticket }) => ticket.booking?.id ?? null,
    bookingName: ({ ticket }) => ticket.booking?.name ?? null,
    bookingEmail: ({ ticket }) => ticket.booking?.email ?? null,
    quantity: ({ ticket }) => ticket.booking?.quantity ?? null,
    admits: ({ ticket }) => ticket.admits,
    validFrom: ({ ticket }) => local(ticket.validFrom),
    validUntil: ({ ticket }) => local(ticket.validUntil),
    paid: ({ ticket }) => ticket.paid,
    code: ({ code }) => code,
    note: ({ ticket }) => ticket.note,
    ticketId: ({ ticket }) => ticket.id,
    shortCode: ({ ticket }) => ticket.shortCode,
    status: ({ ticket }) => ticket.status,
    issuedAt: ({ ticket }) => local(ticket.issuedAt * 1000),
    url: (facts) => showTicket(facts, linking).url,
  }
  for (const { id } of event.zones) {
    const standing = inZone(id)
    columns[`${id} entries`] = (item) => standing(item)?.entries ?? 0
    columns[`${id} exits`] = (item) => standing(item)?.exits ?? 0
    columns[`${id} inside`] = (item) => standing(item)?.inside ?? 0
    columns[`${id} firstAt`] = (item) => local(standing(item)?.firstAt ?? null)
    columns[`${id} lastAt`] = (item) => local(standing(item)?.lastAt ?? null)
  }
  return table({ ...columns, timezone: () => event.timezone })
}

function entryCsv(from: Exporting): Writing<EntryRow> {
  return table({ ...entryColumns(from), timezone: () => from.event.timezone })
}

function duplicateCsv(from: Exporting): Writing<DuplicateRow> {
  const local = localTime(from.event)
  const columns: Columns<DuplicateRow> = {}
  for (const [name, cell] of Object.entries(entryColumns(from))) columns[name] = ({ duplicate }) => cell(duplicate)
  return table({
    ...columns,
    originalId: ({ original }) => original && idOfRow(original),
    originalScannedAt: ({ original }) => local(original?.scannedAt ?? null),
    originalGateId: ({ original }) => original?.gate ?? null,
    timezone: () => from.event.timezone,
  })
}

function entryColumns({ event, gateNames }: Exporting): Columns<EntryRow> {
  const local = localTime(event)
  return {
    id: idOfRow,
    scanId: ({ scan }) => scan as string,
    ticketId: ({ ticket }) => ticket as string | null,
    type: ({ type }) => type,
    gateId: ({ gate }) => gate,
    gateName: ({ gate }) => gateNames.get(gate) ?? gate,
    zone: ({ zone }) => zone,
    deviceId: ({ device }) => device,
    staffId: ({ staff }) => staff,
    direction: ({ direction }) => direction,
    people: ({ people }) => people,
    verdict: ({ verdict }) => verdict,
    code: ({ code }) => code,
    duplicateAttemptNumber: ({ attempt }) => attempt,
    forced: ({ forced }) => forced === 1,
    offline: ({ offline }) => offline === 1,
    scannedAt: ({ scannedAt }) => local(scannedAt),
    receivedAt: ({ receivedAt }) => local(receivedAt),
    annulledAt: ({ annulledAt }) => local(annulledAt),
    validationTime: ({ validationMs }) => validationMs,
  }
}

/** The changes stand in one cell, as JSON: there may be any number of them. */
const auditCsv = table<WireAuditLine>({
  id: ({ id }) => id,
  at: ({ at }) => at,
  kind: ({ kind }) => kind,
  actorKind: ({ actor }) => actor.kind,
  actorId: ({ actor }) => actor.id,
  actorName: ({ actor }) => actor.name,
  role: ({ actor }) => actor.role,
  staffId: ({ actor }) => actor.staffId,
  subjectKind: ({ subject }) => subject?.kind ?? null,
  subjectId: ({ subject }) => subject?.id ?? null,
  changes: ({ changes }) => JSON.stringify(changes),
  network: ({ network }) => network,
  requestId: ({ requestId }) => requestId,
  hash: ({ hash }) => hash,
})

function table<T>(columns: Columns<T>): Writing<T> {
  const cells = Object.values(columns)
  return {
    head: CSV_BYTE_ORDER_MARK + csvRow(Object.keys(columns)),
    line: (item) => csvRow(cells.map((cell) => cell(item))),
  }
}

function localTime({ timezone }: EventDetails): (at: number | null) => string | null {
  const write = zonedIso(timezone)
  return (at) => (at === null ? null : write(at))
}
