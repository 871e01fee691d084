import { DurableObject } from 'cloudflare:workers'
import type { AlertKind, WireAlert } from '../core/alerts.ts'
import { found, ok, problem, type Recorded, type Result } from '../core/answers.ts'
import type { Doing } from '../core/audit.ts'
import type { EventDetails, Gate, TicketType } from '../core/event.ts'
import type { FormatName } from '../core/formats.ts'
import type { DeviceId, EventId, GateId, JobId, ScanId, StaffId, TicketId, TypeId } from '../core/ids.ts'
import type { ChunkResult, Job, RowError } from '../core/job.ts'
import type { LimitedCall } from '../core/limits.ts'
import type { Entry } from '../core/log.ts'
import type {
  AuditFilter,
  DeliveryFilter,
  EventChanges,
  GateBody,
  NewEnrolment,
  StaffBody,
  TicketFilter,
  TicketTypeBody,
} from '../core/organiser-messages.ts'
import type { RoomName } from '../core/shards.ts'
import type { Stats } from '../core/stats.ts'
import type { Misuse, WebhookPayload } from '../core/webhooks.ts'
import { type Actor, everybody } from './actor.ts'
import { type AuditedBy, type AuditMark, type AuditSlice, auditBegin, withNames } from './audit/audit.ts'
import type { DeviceFacts, DeviceTrail } from './devices/device-facts.ts'
import { spendCall } from './devices/device-limits.ts'
import type { Device, Enrolling } from './devices/devices.ts'
import type { Enrolled } from './devices/known-devices.ts'
import type { Renewing } from './devices/renewing.ts'
import type { Shift } from './devices/shifts.ts'
import type { SealedFormats, WantedFormat } from './event/code-formats.ts'
import type { Staff } from './event/configuration.ts'
import {
  changeEvent,
  closeEvent,
  invite,
  isOtherCodes,
  putCodeFormat,
  putGate,
  putStaff,
  putTicketType,
  removeCodeFormat,
  setupOf,
} from './event/configuring.ts'
import { takeAway } from './event/ending.ts'
import { type EventSetup, makeEvent } from './event/making.ts'
import { type EventParts, factsOf, type TicketFacts } from './event-parts.ts'
import { type Bindings, gatekeeperParts } from './gatekeeper-parts.ts'
import type { ImageLease, ImageSource, Lookups } from './jobs/images.ts'
import { type ImportContext, type ImportRow, importContext } from './jobs/importing.ts'
import type { Step } from './jobs/job-running.ts'
import type { NewJob, Part } from './jobs/jobs.ts'
import { listForSheet, planSheet, type SheetPlan } from './jobs/sheets.ts'
import type { ImageFormat } from './jobs/warming.ts'
import { type Live, liveNow } from './live/doors.ts'
import { alertsBefore } from './live/notices.ts'
import { openSocket } from './live/socket-door.ts'
import { setLogLevel } from './logging.ts'
import { type Measured, measure } from './measuring.ts'
import {
  type ConflictPage,
  type ConflictState,
  type Handled,
  handleConflict,
  type KnownConflict,
} from './offline/conflicts.ts'
import type { BareHead, Position, SnapshotPart } from './offline/snapshots.ts'
import type { SyncedScan, SyncOutcome } from './offline/syncing.ts'
import type { OpenEvent } from './open-event.ts'
import { erasePerson } from './privacy/erasing.ts'
import type { Erasure } from './privacy/erasures.ts'
import { eraseEverywhere, type Holding, holdingOf } from './privacy/subjects.ts'
import { checkLog, checkStandings, type LogMark, type LogSlice, type StandingSlice } from './scans/checking.ts'
import type { StallVisits } from './scans/counters.ts'
import type { Visit } from './scans/entrance.ts'
import type { Annulling, ScanAsk } from './scans/judging.ts'
import type { Desk } from './scans/scan-lane.ts'
import type { Logged } from './scans/scan-log.ts'
import type { StandingKey } from './scans/standings.ts'
import { migrate } from './schema.ts'
import type { Replica } from './shards/replica.ts'
import type { Borrowing, Kept, Lent } from './shards/rooms.ts'
import { type CodeSource, codeByLink, type PageSource, pageByLink } from './tickets/attending.ts'
import { type ExportedTicket, exportTickets } from './tickets/exporting.ts'
import type { TillLine } from './tickets/sales.ts'
import type { Selling } from './tickets/selling.ts'
import type { TicketDetails } from './tickets/ticket-rows.ts'
import { decide, issueTickets, listPeople, listTickets, type Person, ticketWithScans } from './tickets/ticketing.ts'
import type { Checked, Issuing, PaperFilter, TicketAction } from './tickets/tickets.ts'
import type { SoldTicket } from './tickets/walk-ins.ts'
import type { Delivery } from './webhooks/deliveries.ts'
import type { PutWebhook } from './webhooks/endpoints.ts'
import type { SealedSecrets, Webhook, WebhookWish } from './webhooks/webhooks.ts'

/** Some of a list, and where to go on; null where that was all. */
type Page<T, Cursor = TicketId> = { items: T[]; nextCursor: Cursor | null }

/**
 * The one judge of one event, and the only authority on it. Its memory is a cache of its tables: expect it to be
 * evicted between any two calls. Methods answer `not_found` for an event that is not there or is somebody else's.
 *
 * Each method says what is asked, and of whom: `#event` is what is known, read with `for` and changed with `change`;
 * `#parts` is who does more than that.
 */
export class Gatekeeper extends DurableObject<Bindings> {
  readonly #parts: ReturnType<typeof gatekeeperParts>
  readonly #event: OpenEvent

  /** Without a desk, scans are taken over HTTP alone. */
  constructor(ctx: DurableObjectState, env: Bindings, desk: Desk | null = null) {
    super(ctx, env)
    setLogLevel(env.LOG_LEVEL)
    this.#parts = gatekeeperParts(() => this.ctx, env, desk)
    this.#event = this.#parts.host.event
    if (!this.#event.isBorn) return
    ctx.storage.transactionSync(() => migrate(ctx.storage.sql))
    ctx.blockConcurrencyWhile(() => this.#parts.upkeep.healAlarm())
  }

  // The event and what it is made of.

  /** Answers when the object can be reached. Touches nothing. */
  ping(): 'pong' {
    return 'pong'
  }

  /** Makes the event, with what it is made of where that is known already. The same event again is the same event. */
  create(event: EventDetails, setup: EventSetup | null = null, doing?: Doing): Result<EventDetails> {
    const { storage } = this.ctx
    storage.transactionSync(() => makeEvent(storage.sql, this.#parts.host.meta, event, setup, doing))
    this.#parts.host.alarm.soon()
    return ok(this.#event.parts().configuration.event)
  }

  describe(actor: Actor): Result<EventDetails> {
    return this.#event.for(actor, ({ configuration }) => ok(configuration.event))
  }

  async change(actor: Actor, changes: EventChanges): Promise<Result<EventDetails>> {
    const before = this.describe(actor)
    const changed = this.#configure(actor, (parts) => changeEvent(parts, changes))
    if (changed.ok && before.ok && isOtherCodes(before.value, changed.value)) {
      await this.#event.parts().images.untilKnown()
    }
    return changed
  }

  close(actor: Actor, at: number): Result<EventDetails> {
    return this.#event.change(actor, (parts) => closeEvent(parts, at))
  }

  /** What the event is made of. */
  setup(actor: Actor): Result<EventSetup & { staff: Staff[] }> {
    return this.#event.for(actor, (parts) => ok(setupOf(parts)))
  }

  putTicketType(actor: Actor, id: TypeId, body: TicketTypeBody): Result<TicketType> {
    return this.#configure(actor, (parts) => putTicketType(parts, id, body))
  }

  putGate(actor: Actor, id: GateId, body: GateBody): Result<Gate> {
    return this.#configure(actor, (parts) => putGate(parts, id, body))
  }

  gate(actor: Actor, id: GateId): Result<Gate> {
    return this.#event.for(actor, ({ configuration }) => {
      const gate = configuration.gates.get(id)
      return gate ? ok(gate) : problem('unknown_gate')
    })
  }

  putStaff(actor: Actor, id: StaffId, body: StaffBody): Result<Staff> {
    return this.#event.change(actor, (parts) => putStaff(parts, id, body))
  }

  /** Other people's formats that this event takes, with their secrets sealed. */
  codeFormats(actor: Actor): Result<SealedFormats> {
    return this.#event.for(actor, ({ formats }) => ok(formats.all()))
  }

  putCodeFormat(actor: Actor, wanted: WantedFormat, keepPrevious: boolean, at: number): Result<SealedFormats> {
    return this.#event.change(actor, (parts) => ok(putCodeFormat(parts, wanted, keepPrevious, at)))
  }

  removeCodeFormat(actor: Actor, format: FormatName): Result<SealedFormats> {
    return this.#event.change(actor, (parts) => ok(removeCodeFormat(parts, format)))
  }

  /** Takes a rehearsal of that event away: out of D1, and then here. What is none stays: `not_found`. */
  async endRehearsal(actor: Actor, of: EventId): Promise<Result<null>> {
    const isOne = this.#event.for(actor, ({ configuration }) =>
      configuration.event.rehearsalOf === of ? ok(null) : problem('not_found'),
    )
    if (isOne.ok) await takeAway(this.#parts.host, this.#parts.draining, this.#parts.dividing)
    return isOne
  }

  /** Runs a change of what devices judge by: who may hold which tickets may be another question then. */
  #configure<T>(actor: Actor, work: (parts: EventParts) => Result<T>): Result<T> {
    const result = this.#event.change(actor, work)
    if (result.ok) this.#parts.live.review()
    return result
  }

  // Tickets, as an organiser sees them.

  issue(actor: Actor, wanted: Issuing[], at: number): Result<(TicketFacts & { created: boolean })[]> {
    return this.#event.change(actor, (parts) => issueTickets(parts, wanted, at))
  }

  listTickets(actor: Actor, filter: TicketFilter): Result<Page<TicketFacts>> {
    return this.#event.for(actor, (parts) => ok(listTickets(parts, filter)))
  }

  /** Tickets by their ids, for the names of the people; those that are not there are left out. */
  ticketsById(actor: Actor, ids: TicketId[]): Result<TicketDetails[]> {
    return this.#event.for(actor, ({ tickets }) =>
      ok(ids.map((id) => tickets.get(id)).filter((ticket) => ticket !== null)),
    )
  }

  ticket(actor: Actor, id: TicketId): Result<TicketFacts & { scans: Recorded[] }> {
    return this.#event.for(actor, (parts) => ticketWithScans(parts, id))
  }

  search(actor: Actor, text: string, limit: number): Result<TicketFacts[]> {
    return this.#event.for(actor, (parts) =>
      ok(parts.tickets.search(text, limit).map((ticket) => factsOf(parts, ticket))),
    )
  }

  /** Does what a person decided about a ticket, for the very next scan. */
  async act(
    actor: Actor,
    id: TicketId,
    action: TicketAction,
    reason: string | null,
    newLink: boolean,
    at: number,
  ): Promise<Result<TicketFacts>> {
    const acted = this.#event.change(actor, (parts) => decide(parts, id, { action, reason, newLink }, at))
    if (acted.ok && action === 'reissue') await this.#event.parts().images.untilKnown()
    return acted
  }

  /** A page of an export. */
  exportTickets(actor: Actor, cursor: TicketId | undefined, limit: number): Result<Page<ExportedTicket>> {
    return this.#event.for(actor, (parts) => ok(exportTickets(parts, cursor, limit)))
  }

  planSheet(actor: Actor, filter: PaperFilter): Result<SheetPlan> {
    return this.#event.for(actor, (parts) => ok(planSheet(parts, filter)))
  }

  /** A page of the tickets that go on paper, without their standings. */
  listForSheet(actor: Actor, filter: TicketFilter): Result<Page<TicketDetails>> {
    return this.#event.for(actor, (parts) => ok(listForSheet(parts, filter)))
  }

  /** What a file is read against. */
  importContext(actor: Actor): Result<ImportContext> {
    return this.#event.for(actor, (parts) => ok(importContext(parts)))
  }

  /** What would come of rows, if they were imported now. */
  checkRows(actor: Actor, rows: ImportRow[]): Result<Checked[]> {
    return this.#event.for(actor, ({ tickets }) => ok(tickets.check(rows)))
  }

  // Tickets, as whoever holds one sees them.

  /** What a code is made of, for whoever holds the ticket's link of this serial. */
  codeByLink(id: TicketId, link: number): Result<CodeSource> {
    return this.#event.for(everybody, (parts) => codeByLink(parts, id, link))
  }

  /** What the attendee's page shows, for whoever holds the ticket's link of this serial. */
  pageByLink(id: TicketId, link: number): Result<PageSource> {
    return this.#event.for(everybody, (parts) => pageByLink(parts, id, link))
  }

  /** Notes the visit of an attendee who scanned a stall's own QR code, for whoever holds the ticket's link. */
  visit(visit: Visit): Promise<Result<Recorded>> {
    return this.#parts.entrance.visit(visit)
  }

  // Images of codes.

  /** What the image of a code is made of; brings along what the isolate counted since it last told. */
  imageByLink(id: TicketId, link: number, counted: Lookups | null): Result<{ source: ImageSource; lease: ImageLease }> {
    return this.#parts.images.byLink(id, link, counted)
  }

  imageById(actor: Actor, id: TicketId, counted: Lookups | null): Result<ImageSource> {
    return this.#parts.images.byId(actor, id, counted)
  }

  /** How the caches of images did, and under which generation those of now are kept. */
  imageLookups(actor: Actor, counted: Lookups | null): Result<Lookups & { generation: number }> {
    return this.#parts.images.lookups(actor, counted)
  }

  /** No image that was kept until now is found any more. */
  clearImages(actor: Actor): Promise<Result<null>> {
    return this.#parts.images.clear(actor)
  }

  /** The same for one ticket, as far as isolates go. Gives what its images are kept under elsewhere. */
  clearImagesOf(actor: Actor, id: TicketId): Promise<Result<ImageSource>> {
    return this.#parts.images.clearOf(actor, id)
  }

  // Persons, and what is held about them.

  /** Erases the person of a ticket. The ticket, its standing and the log stay. */
  erasePerson(
    actor: Actor,
    id: TicketId,
    how: { booking: boolean; by: string },
    at: number,
  ): Result<{ facts: TicketFacts; erasure: Erasure }> {
    return this.#event.change(actor, (parts) => erasePerson(parts, id, how, at))
  }

  /** Everything that is held about whoever has this address. */
  subject(actor: Actor, email: string): Result<Holding> {
    return this.#event.change(actor, (parts) => ok(holdingOf(parts, email)))
  }

  /** Erases whoever has this address; gives of which tickets. */
  eraseSubject(actor: Actor, email: string, by: string, at: number): Result<TicketId[]> {
    return this.#event.change(actor, (parts) => ok(eraseEverywhere(parts, email, by, at)))
  }

  /** Whose person was erased, in the order in which they were. */
  listErasures(actor: Actor, after: number, limit: number): Result<Erasure[]> {
    return this.#event.for(actor, ({ erasures }) => ok(erasures.list(after, limit)))
  }

  // Devices, and who is on them.

  invite(actor: Actor, body: NewEnrolment, codeHash: Uint8Array, expiresAt: number): Result<null> {
    return this.#event.change(actor, (parts) => invite(parts, body, codeHash, expiresAt))
  }

  enrol(enrolling: Enrolling, at: number, doing?: Doing): Result<Enrolled> {
    return this.#parts.devices.enrol(enrolling, at, doing)
  }

  /** The device that has or had this token, to see how it has to show that it is itself. */
  deviceByToken(deviceId: string, tokenHash: Uint8Array): Result<Device> {
    return this.#parts.devices.byToken(deviceId, tokenHash)
  }

  /** Takes the token of a device that wants a new staff token, and its successor where it wants that too. */
  renewDevice(renewing: Renewing, at: number): Result<{ device: Device; succeeded: boolean }> {
    return this.#parts.devices.renew(renewing, at)
  }

  /** Somebody came with a device's staff or device token and without its key. */
  noteMisuse(deviceId: DeviceId, because: Misuse, at: number): void {
    this.#event.noteMisuse(deviceId, because, at)
  }

  listDevices(actor: Actor): Result<DeviceFacts[]> {
    return this.#parts.devices.list(actor)
  }

  /** One device, with the trail of what it did and got wrong. */
  device(actor: Actor, id: DeviceId, at: number): Result<{ facts: DeviceFacts; trail: DeviceTrail }> {
    return this.#parts.devices.one(actor, id, at)
  }

  /** Takes a device out: for good, with what it held of the tickets. */
  revokeDevice(actor: Actor, id: DeviceId, at: number): Result<DeviceFacts> {
    return this.#parts.devices.revoke(actor, id, at)
  }

  /** Lets a blocked device go on. */
  unblockDevice(actor: Actor, id: DeviceId): Result<DeviceFacts> {
    return this.#parts.devices.unblock(actor, id)
  }

  /** Counts a call of a device against what it may ask. Whoever is no device passes. */
  spend(actor: Actor, call: LimitedCall, at: number): Result<null> {
    return this.#event.for(actor, (parts) => spendCall(parts, actor, call, at))
  }

  startShift(actor: Actor, id: Uint8Array, deviceId: DeviceId, staffId: StaffId, at: number): Result<Shift> {
    return this.#event.change(actor, ({ shifts }) => ok(shifts.start(id, deviceId, staffId, at)))
  }

  /** Ends a shift: one's own device's, or for a supervisor anybody's. */
  endShift(actor: Actor, id: Uint8Array, onlyOf: DeviceId | null, at: number): Result<Shift> {
    return this.#event.change(actor, ({ shifts }) => found(shifts.endOf(onlyOf, id, at)))
  }

  listShifts(actor: Actor, at: number): Result<Shift[]> {
    return this.#event.for(actor, ({ shifts }) => ok(shifts.list(at)))
  }

  // Scans.

  /**
   * The one entrance for scans, one or five hundred. Each stands or falls alone; all share one commit. What they count as
   * is null where they were counted already.
   */
  record(actor: Actor, asks: ScanAsk[], countAs: LimitedCall | null = 'scan'): Promise<Result<Recorded>[]> {
    return this.#parts.entrance.record(actor, asks, countAs)
  }

  /** Takes what gates did while they were cut off. */
  sync(actor: Actor, scans: SyncedScan[]): Promise<Result<SyncOutcome[]>> {
    return this.#parts.bringingHome.sync(actor, scans)
  }

  /** Takes an admission back. Gives it as it stands in the log, with when it was taken back. */
  annul(actor: Actor, annulling: Annulling, at: number): Promise<Result<Recorded>> {
    return this.#parts.entrance.annul(actor, annulling, at)
  }

  /** Sells at the door: the ticket, the payment and, if wished, the admission, all or nothing. */
  sell(actor: Actor, selling: Selling, at: number): Promise<Result<SoldTicket>> {
    return this.#parts.walkIns.sell(actor, selling, at)
  }

  /** The recorded answer to a scan. */
  answer(actor: Actor, scanId: ScanId): Result<Recorded> {
    return this.#event.for(actor, ({ log, telling }) => {
      const known = log.known(scanId)
      return known ? ok(telling.again(known)) : problem('not_found')
    })
  }

  /** Counts codes that were not ours. They are counted and not logged: anyone can make them without end. */
  countInvalid(actor: Actor, reason: string, count: number, at: number): Result<null> {
    return this.#parts.entrance.countInvalid(actor, reason, count, at)
  }

  // What a device carries.

  /** The beginning of what a device carries to judge alone, or of what changed in it since a cursor. */
  snapshot(actor: Actor, since: string | null, at: number): Result<{ head: BareHead; first: Position }> {
    return this.#event.for(actor, ({ snapshots, leases }) =>
      ok(snapshots.begin(since, actor.kind === 'device' ? leases.of(actor.deviceId) : null, at)),
    )
  }

  snapshotPart(actor: Actor, position: Position): Result<SnapshotPart> {
    return this.#event.for(actor, ({ snapshots }) => ok(snapshots.read(position)))
  }

  /** Whose tickets they are, for a device that a supervisor lets search by name with no network. */
  people(actor: Actor, cursor: TicketId | undefined, limit: number): Result<Page<Person>> {
    return this.#event.for(actor, (parts) => ok(listPeople(parts, cursor, limit)))
  }

  // What happened.

  /** What the log adds up to, and how much of it D1 has not been told yet. */
  stats(actor: Actor): Result<{ stats: Stats; pending: number }> {
    return this.#event.for(actor, ({ counters, outbox }) =>
      ok({ stats: counters.stats, pending: outbox.pending().entries }),
    )
  }

  /** What the doors look like now, and the words for it. */
  live(actor: Actor, at: number): Result<Live> {
    return this.#event.for(actor, (parts) => ok(liveNow(parts, at)))
  }

  /** What somebody should look at, the newest first. */
  listAlerts(actor: Actor, before: number, kinds: readonly AlertKind[], limit: number): Result<WireAlert[]> {
    return this.#event.for(actor, (parts) => ok(alertsBefore(parts, before, kinds, limit)))
  }

  /** How many came to each checkpoint, and how many different tickets. */
  visits(actor: Actor): Result<StallVisits[]> {
    return this.#event.for(actor, ({ configuration, counters }) => ok(counters.visits(configuration.gates.all())))
  }

  /** What should be in each till. */
  till(actor: Actor): Result<TillLine[]> {
    return this.#event.for(actor, ({ sales }) => ok(sales.till()))
  }

  /** What is measured of the event. */
  measure(actor: Actor): Result<Measured> {
    return this.#event.for(actor, (parts) => ok(measure(parts)))
  }

  /** The log itself, in order. */
  entries(actor: Actor, after: number, limit: number): Result<Entry[]> {
    return this.#event.for(actor, ({ log }) => ok(log.after(after, limit)))
  }

  /** Checks the next slice of the log; null begins at its start. */
  checkLog(actor: Actor, from: LogMark | null): Result<LogSlice> {
    return this.#event.for(actor, (parts) => ok(checkLog(parts, from)))
  }

  /** Checks the next slice of standings against the log. */
  checkStandings(actor: Actor, from: StandingKey | null): Result<StandingSlice> {
    return this.#event.for(actor, (parts) => ok(checkStandings(parts, from)))
  }

  /** Where gates showed something else than is judged, the newest first. */
  listConflicts(actor: Actor, before: number | null, limit: number, state: ConflictState): Result<ConflictPage> {
    return this.#event.for(actor, ({ conflicts }) => ok(conflicts.page(before, limit, state)))
  }

  /** Notes that somebody has dealt with a conflict, or with null that it is open again. */
  handleConflict(actor: Actor, id: string, handled: Handled | null): Result<KnownConflict> {
    return this.#event.change(actor, (parts) => handleConflict(parts, id, handled))
  }

  /** Tells D1 what it lacks before a report is made of it. Where D1 does not take it, the report is of before. */
  async catchUp(actor: Actor): Promise<Result<null>> {
    const allowed = this.#event.for(actor, () => ok(null))
    if (allowed.ok && this.#event.parts().outbox.pending().entries > 0) await this.#parts.draining.drain()
    return allowed
  }

  // What people changed.

  /** Notes that somebody took away what is here: a file, a sheet, what is known of a person. */
  noteTaken(actor: Actor): Result<null> {
    return this.#event.change(actor, () => ok(null))
  }

  /** What people changed, the newest first, with the names that those who did it have now. */
  listAudit(actor: Actor, filter: AuditFilter): Result<AuditedBy[]> {
    return this.#event.for(actor, (parts) => ok(withNames(parts, parts.audit.list(filter))))
  }

  /** The same in the order in which it was done, for a file. */
  auditAfter(actor: Actor, no: number, limit: number): Result<AuditedBy[]> {
    return this.#event.for(actor, (parts) => ok(withNames(parts, parts.audit.after(no, limit))))
  }

  /** Checks the next lines of the audit log; null begins with the first. */
  checkAudit(actor: Actor, from: AuditMark | null): Result<AuditSlice> {
    return this.#event.for(actor, ({ audit }) => ok(audit.check(from ?? auditBegin())))
  }

  // Long work.

  /** Begins to put a job together; the parts follow, and then it is queued. Asked twice, it is one job. */
  openJob(actor: Actor, job: NewJob, at: number): Result<Job> {
    return this.#parts.jobOrders.open(actor, job, at)
  }

  /** Adds the next part to a job, counted from 0; false where it was given up meanwhile. */
  addToJob(actor: Actor, id: JobId, no: number, part: Part, at: number): Result<boolean> {
    return this.#parts.jobOrders.add(actor, id, no, part, at)
  }

  /** All of a job is there: has it done. */
  queueJob(actor: Actor, id: JobId, about: Job['about'], at: number): Promise<Result<Job>> {
    return this.#parts.jobOrders.queue(actor, id, about, at)
  }

  /** Has the images of all valid tickets drawn and kept, as a job. */
  warm(actor: Actor, id: JobId, formats: ImageFormat[], at: number): Promise<Result<Job>> {
    return this.#parts.jobOrders.warm(actor, id, formats, at)
  }

  /** Gives a job up for a reason; without one, it is taken away as if it had never been. */
  dropJob(actor: Actor, id: JobId, reason: string | null, at: number): Result<null> {
    return this.#parts.jobOrders.drop(actor, id, reason, at)
  }

  /** Does the chunk that a message names, and those after it for a while; gives how the job goes on. */
  runJob(id: JobId, chunk: number): Promise<Step> {
    return this.#parts.jobRunner.run(id, chunk)
  }

  /** What came of a chunk that the Worker did. */
  settleChunk(id: JobId, chunk: number, result: ChunkResult): Promise<Step> {
    return this.#parts.jobRunner.settle(id, chunk, result)
  }

  job(actor: Actor, id: JobId): Result<Job> {
    return this.#event.for(actor, ({ jobs }) => found(jobs.get(id)))
  }

  listJobs(actor: Actor, limit: number, cursor: JobId | null): Result<Job[]> {
    return this.#event.for(actor, ({ jobs }) => ok(jobs.list(limit, cursor)))
  }

  jobErrors(actor: Actor, id: JobId, after: Pick<RowError, 'row' | 'field'> | null, limit: number): Result<RowError[]> {
    return this.#event.for(actor, ({ jobs }) =>
      jobs.get(id) ? ok(jobs.errors(id, after, limit)) : problem('not_found'),
    )
  }

  // Webhooks.

  putWebhook(actor: Actor, id: string, wish: WebhookWish, at: number): Result<PutWebhook> {
    return this.#parts.endpoints.put(actor, id, wish, at)
  }

  rotateWebhookSecret(actor: Actor, id: string, secret: Uint8Array, at: number): Result<Webhook> {
    return this.#parts.endpoints.rotateSecret(actor, id, secret, at)
  }

  removeWebhook(actor: Actor, id: string): Result<null> {
    return this.#parts.endpoints.remove(actor, id)
  }

  listWebhooks(actor: Actor): Result<Webhook[]> {
    return this.#event.for(actor, ({ webhooks }) => ok(webhooks.all()))
  }

  webhook(actor: Actor, id: string, at: number): Result<{ webhook: Webhook; secrets: SealedSecrets }> {
    return this.#parts.endpoints.one(actor, id, at)
  }

  listDeliveries(actor: Actor, id: string, filter: DeliveryFilter): Result<Page<Delivery, string>> {
    return this.#event.for(actor, ({ webhooks }) => webhooks.deliveries(id, filter))
  }

  delivery(actor: Actor, id: string, no: number): Result<{ delivery: Delivery; payload: WebhookPayload }> {
    return this.#event.for(actor, ({ webhooks }) => webhooks.delivery(id, no))
  }

  replayFailedDeliveries(actor: Actor, id: string, at: number): Result<number> {
    return this.#parts.endpoints.replayFailed(actor, id, at)
  }

  replayDelivery(actor: Actor, id: string, no: number, at: number): Result<Delivery> {
    return this.#parts.endpoints.replay(actor, id, no, at)
  }

  // Sockets.

  /**
   * Opens a live socket. The Worker alone can send this: it has checked who asks, and says so in a header. Everything else
   * is a method.
   */
  override async fetch(request: Request): Promise<Response> {
    return openSocket(this.#parts.host, request)
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#parts.live.message(socket, message)
  }

  override webSocketClose(): void {
    if (!this.#parts.draining.isOver) this.#parts.live.closed()
  }

  override webSocketError(): void {
    if (!this.#parts.draining.isOver) this.#parts.live.closed()
  }

  /** Closes the sockets that were opened with a key that was revoked since. */
  dropKey(key: string): void {
    this.#parts.live.dismiss({ key })
  }

  // As one of the objects of a divided event.

  /** Hears everything that the event's shards, or one of them, have judged until now. */
  gather(shard: number | null = null): Promise<void> {
    return this.#parts.dividing.gather(shard)
  }

  /** Tells the event's shards everything that they are to judge by from now on. */
  scatter(): Promise<void> {
    return this.#parts.dividing.scatter()
  }

  /** Lends a shard so many places of rooms as it needs, where they can be had. */
  lend(borrowing: Borrowing): Promise<Lent> {
    return this.#parts.lending.lend(borrowing)
  }

  /** As a shard: takes over what the event's Gatekeeper has it judge by. */
  adopt(replica: Replica): void {
    this.#parts.asShard.adopt(replica)
  }

  /** As a shard: gives what was judged after an entry. Whoever asks has everything up to that. */
  handOver(after: number): Logged[] {
    return this.#parts.asShard.handOver(after)
  }

  /** As a shard: keeps of a room only what is full of it; gives how much that is. */
  giveBack(room: RoomName): Kept {
    return this.#parts.asShard.giveBack(room)
  }

  /** As a shard: forgets everything, where the Gatekeeper has all of its log; null where that does not matter any more. */
  dissolve(takenUpTo: number | null): Promise<boolean> {
    return this.#parts.asShard.dissolve(takenUpTo)
  }

  // By the clock.

  override alarm(): Promise<void> {
    return this.#parts.upkeep.alarm()
  }

  /** Tells D1 what it has not been told, now. Called by the cron sweep, which so heals a lost alarm. */
  flush(): Promise<void> {
    return this.#parts.upkeep.sweep()
  }
}
