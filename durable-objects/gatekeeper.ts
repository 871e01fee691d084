import { DurableObject } from 'cloudflare:workers'
import { type AlertKind, toWireAlert, type WireAlert } from '../core/alerts.ts'
import { ok, problem, type Recorded, type Result } from '../core/answers.ts'
import { type Doing, differences } from '../core/audit.ts'
import type { EventDetails, Gate, TicketType } from '../core/event.ts'
import { shardsOf } from '../core/event-address.ts'
import type { FormatName } from '../core/formats.ts'
import type { DeviceId, EventId, GateId, JobId, ScanId, StaffId, TicketId, TypeId } from '../core/ids.ts'
import type { ChunkResult, Job, JobMessage, RowError } from '../core/job.ts'
import type { LimitedCall } from '../core/limits.ts'
import type { Doors } from '../core/live-stats.ts'
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
} from '../core/messages.ts'
import { nextForgetting } from '../core/retention.ts'
import type { RoomName } from '../core/shards.ts'
import type { Stats } from '../core/stats.ts'
import type { Misuse, WebhookPayload } from '../core/webhooks.ts'
import { type Actor, everybody, quietly } from './actor.ts'
import { Alarm, DRAIN_AFTER_MS } from './alarm.ts'
import { Audit, type Audited, type AuditMark, type AuditSlice, auditBegin } from './audit.ts'
import { issuedChanges, putChanges, ticketChanges, webhookChanges } from './audit-changes.ts'
import { BringingHome } from './bringing-home.ts'
import type { Gatekeepers } from './calling.ts'
import { checkLog, checkStandings, type LogMark, type LogSlice, type StandingSlice } from './checking.ts'
import type { SealedFormat, SealedFormats } from './code-formats.ts'
import { CommitGroup } from './commit-group.ts'
import { Configuration, type Staff } from './configuration.ts'
import { changeEvent, closeEvent, invite, putGate, putStaff, putTicketType } from './configuring.ts'
import type { ConflictState, Handled, KnownConflict } from './conflicts.ts'
import type { StallVisits } from './counters.ts'
import { Courier } from './courier.ts'
import { type DeviceFacts, type DeviceTrail, deviceFacts, deviceTrail } from './device-facts.ts'
import { Allowances, spendCall } from './device-limits.ts'
import { DeviceStatuses } from './device-status.ts'
import type { Device, Enrolling } from './devices.ts'
import { doorsNow } from './doors.ts'
import { Draining } from './draining.ts'
import { Entrance, type Visit } from './entrance.ts'
import { erasePerson } from './erasing.ts'
import type { Erasure } from './erasures.ts'
import { type EventParts, factsOf, openParts, type TicketFacts } from './event-parts.ts'
import { type ExportedTicket, exportTickets } from './exporting.ts'
import type { Host } from './host.ts'
import type { ImageLease, ImageSource, Lookups } from './images.ts'
import { type ImportContext, type ImportRow, importContext } from './importing.ts'
import { JobRunner, type Step } from './job-running.ts'
import type { NewJob, Part } from './jobs.ts'
import type { Annulling, ScanAsk } from './judging.ts'
import { type LiveAsk, LiveSockets, refuseSocket } from './live.ts'
import { log, setLogLevel } from './logging.ts'
import { type Measured, measure } from './measuring.ts'
import { Meta } from './meta.ts'
import { OpenEvent } from './open-event.ts'
import { type Renewing, renew } from './renewing.ts'
import type { TillLine } from './sales.ts'
import type { Desk } from './scan-lane.ts'
import type { Logged } from './scan-log.ts'
import { isBorn, migrate } from './schema.ts'
import type { Selling } from './selling.ts'
import { AsShard } from './shards/as-shard.ts'
import { Dividing } from './shards/dividing.ts'
import { Lending } from './shards/lending.ts'
import { noteChanges } from './shards/news.ts'
import type { Replica } from './shards/replica.ts'
import type { Borrowing, Kept, Lent } from './shards/rooms.ts'
import type { Shift } from './shifts.ts'
import type { BareHead, Position, SnapshotPart } from './snapshots.ts'
import type { StandingKey } from './standings.ts'
import { eraseEverywhere, type Holding, holdingOf } from './subjects.ts'
import type { SyncedScan, SyncOutcome } from './syncing.ts'
import { TEND_AFTER_MS, Tending } from './tending.ts'
import type { Checked, Issuing, PaperFilter, TicketAction, TicketDetails } from './tickets.ts'
import { type SoldTicket, WalkIns } from './walk-ins.ts'
import type { ImageFormat } from './warming.ts'
import { SILENCE_MS, Watch } from './watching.ts'
import type { Delivery, Outcome, Parcel, SealedSecrets, Webhook, WebhookWish } from './webhooks.ts'
import { ZoneClearing } from './zone-clearing.ts'

/** What is needed to make a ticket's code. */
export type CodeSource = { ticket: TicketDetails; event: EventDetails }

/** What the attendee's page shows. */
export type PageSource = CodeSource & { type: TicketType }

/** What goes on paper beside the tickets themselves, and how many those are. */
export type SheetPlan = { event: EventDetails; types: TicketType[]; total: number | null }

/** The event as it is now: its words, its sums, and what D1 has not been told. */
export type Live = Doors & {
  gates: Gate[]
  staff: Staff[]
  types: TicketType[]
  /** Scans of which something else was shown than is judged. */
  conflicts: number
}

/** A one-time ticket for a socket is good for 30 seconds; a minute is on the safe side of every clock. */
const LIVE_TICKET_MS = 60_000

type Bindings = {
  DB: D1Database
  GATEKEEPER: Gatekeepers
  JOBS: Queue<JobMessage>
  LOG_LEVEL: string
  QR_WARM_HOURS: string
}

/**
 * The one judge of one event, and the only authority on it. Its memory is a cache of its tables: expect it to be
 * evicted between any two calls. Methods answer `not_found` for an event that is not there or is somebody else's.
 */
export class Gatekeeper extends DurableObject<Bindings> {
  readonly #meta = new Meta(this.ctx.storage.sql)
  readonly #allowances = new Allowances()
  readonly #alarm = new Alarm(() => this.ctx.storage)
  readonly #statuses = new DeviceStatuses(this.ctx.storage.sql, () => this.#event.parts().devices)
  readonly #event: OpenEvent = new OpenEvent({
    storage: () => this.ctx.storage,
    open: () => openParts(this.ctx.storage.sql, this.#meta, this.env, this.#allowances),
    statuses: this.#statuses,
    alarm: this.#alarm,
    hasNews: () => this.#dividing.hasNews(),
    changed: () => this.#live.wake(),
  })
  readonly #host: Host = {
    ctx: () => this.ctx,
    meta: this.#meta,
    event: this.#event,
    alarm: this.#alarm,
    group: new CommitGroup(() => this.ctx.storage.sync()),
    statuses: this.#statuses,
    live: () => this.#live,
    zones: new ZoneClearing(() => this.#event),
    gatekeepers: this.env.GATEKEEPER,
    named: () => (this.ctx.id.name === undefined ? {} : { eventId: this.ctx.id.name }),
  }
  readonly #dividing: Dividing = new Dividing(this.#host)
  readonly #lending = new Lending(this.#host, this.#dividing)
  readonly #asShard = new AsShard(this.#host, this.#dividing)
  readonly #entrance = new Entrance(this.#host, this.#dividing, this.#lending, this.#asShard)
  readonly #bringingHome = new BringingHome(this.#host, this.#dividing, this.#asShard)
  readonly #walkIns = new WalkIns(this.#host, this.#entrance, this.#lending)
  readonly #draining = new Draining(this.#host)
  readonly #jobs = new JobRunner(this.env.JOBS, (work) =>
    this.#host.group.run(() => this.#event.change(everybody, work)),
  )
  readonly #tending = new Tending(this.#host, this.#jobs, this.#dividing)
  readonly #courier = new Courier({
    webhooks: () => this.#event.parts().webhooks,
    transact: (work) => this.ctx.storage.transactionSync(() => work(this.#event.parts().webhooks)),
    send: (parcel) => (this.ctx.exports as unknown as Exports).WebhookSender.send(parcel),
    wakeBy: (at) => this.#alarm.by(at),
    failed: (error) => log('error', 'webhooks: nothing could be sent', { ...this.#host.named(), error }),
  })
  readonly #live: LiveSockets
  readonly #watch = new Watch()

  /** Without a desk, scans are taken over HTTP alone. */
  constructor(ctx: DurableObjectState, env: Bindings, desk: Desk | null = null) {
    super(ctx, env)
    setLogLevel(env.LOG_LEVEL)
    this.#live = new LiveSockets({
      ctx,
      parts: () => this.#event.parts(),
      statuses: this.#statuses,
      lane: desk && this.#entrance.laneWith(desk),
      change: (work) => this.#event.change(everybody, work),
      failed: (error) => log('error', 'live: nothing could be told', { ...this.#host.named(), error }),
    })
    if (!isBorn(ctx.storage.sql)) return
    ctx.storage.transactionSync(() => migrate(ctx.storage.sql))
    ctx.blockConcurrencyWhile(() => this.#healAlarm())
  }

  /** Answers when the object can be reached. Touches nothing. */
  ping(): 'pong' {
    return 'pong'
  }

  /** Makes the event, with what it is made of where that is known already. The same event again is the same event. */
  create(
    event: EventDetails,
    setup: { types: TicketType[]; gates: Gate[] } | null = null,
    doing?: Doing,
  ): Result<EventDetails> {
    const { sql } = this.ctx.storage
    this.ctx.storage.transactionSync(() => {
      migrate(sql)
      if (this.#meta.text('event') !== null) return
      if (shardsOf(event.id) > 1) noteChanges(sql)
      this.#meta.set('epoch', 1)
      const configuration = new Configuration(sql, this.#meta)
      configuration.setEvent(event)
      for (const type of setup?.types ?? []) configuration.putType(type)
      for (const gate of setup?.gates ?? []) configuration.putGate(gate)
      const audit = new Audit(sql, this.#meta)
      audit.about({ kind: 'event', id: event.id })
      audit.write(doing, event.createdAt)
    })
    this.#alarm.soon()
    return ok(this.#event.parts().configuration.event)
  }

  describe(actor: Actor): Result<EventDetails> {
    return this.#event.for(actor, ({ configuration }) => ok(configuration.event))
  }

  async change(actor: Actor, changes: EventChanges): Promise<Result<EventDetails>> {
    const before = this.#event.for(actor, ({ configuration }) => ok(configuration.event.policy.rotatingCodes))
    const changed = this.#configure(actor, ({ configuration, images, audit }) => {
      const was = configuration.event
      const event = changeEvent(configuration, changes)
      if (event.ok) putChanges(audit, 'event', was.id, was, event.value)
      if (event.ok && before.ok && event.value.policy.rotatingCodes !== before.value) images.outdate()
      return event
    })
    if (changed.ok && before.ok && changed.value.policy.rotatingCodes !== before.value) {
      await this.#event.parts().images.untilKnown()
    }
    return changed
  }

  close(actor: Actor, at: number): Result<EventDetails> {
    return this.#event.change(actor, ({ configuration, audit }) => {
      const was = configuration.event
      const closed = closeEvent(configuration, at)
      if (closed.ok) putChanges(audit, 'event', was.id, was, closed.value)
      return closed
    })
  }

  putTicketType(actor: Actor, id: TypeId, body: TicketTypeBody): Result<TicketType> {
    return this.#configure(actor, ({ configuration, audit }) => {
      const was = configuration.types.get(id)
      const put = putTicketType(configuration, id, body)
      if (put.ok) putChanges(audit, 'ticket_type', id, was, put.value)
      return put
    })
  }

  putGate(actor: Actor, id: GateId, body: GateBody): Result<Gate> {
    return this.#configure(actor, ({ configuration, audit }) => {
      const was = configuration.gates.get(id)
      const put = putGate(configuration, id, body)
      if (put.ok) putChanges(audit, 'gate', id, was, put.value)
      return put
    })
  }

  putStaff(actor: Actor, id: StaffId, body: StaffBody): Result<Staff> {
    return this.#event.change(actor, ({ configuration, audit }) => {
      const was = configuration.staff.get(id)
      const put = putStaff(configuration, id, body)
      if (put.ok) putChanges(audit, 'staff', id, was, put.value)
      return put
    })
  }

  /** What the event is made of. */
  setup(actor: Actor): Result<{ types: TicketType[]; gates: Gate[]; staff: Staff[] }> {
    return this.#event.for(actor, ({ configuration: { types, gates, staff } }) =>
      ok({ types: types.all(), gates: gates.all(), staff: staff.all() }),
    )
  }

  gate(actor: Actor, id: GateId): Result<Gate> {
    return this.#event.for(actor, ({ configuration }) => {
      const gate = configuration.gates.get(id)
      return gate ? ok(gate) : problem('unknown_gate')
    })
  }

  issue(actor: Actor, wanted: Issuing[], at: number): Result<(TicketFacts & { created: boolean })[]> {
    return this.#event.change(actor, (parts) => {
      const issued = parts.tickets.issue(wanted, at)
      if (!issued.ok) return issued
      issuedChanges(parts.audit, issued.value)
      return ok(issued.value.map(({ ticket, created }) => ({ ...factsOf(parts, ticket), created })))
    })
  }

  listTickets(actor: Actor, filter: TicketFilter): Result<{ items: TicketFacts[]; nextCursor: TicketId | null }> {
    return this.#event.for(actor, (parts) => {
      const { items, nextCursor } = parts.tickets.list(filter)
      return ok({ items: items.map((ticket) => factsOf(parts, ticket)), nextCursor })
    })
  }

  /** A page of an export. */
  exportTickets(
    actor: Actor,
    cursor: TicketId | undefined,
    limit: number,
  ): Result<{ items: ExportedTicket[]; nextCursor: TicketId | null }> {
    return this.#event.for(actor, (parts) => ok(exportTickets(parts, cursor, limit)))
  }

  /** Tickets by their ids, for the names of the people; those that are not there are left out. */
  ticketsById(actor: Actor, ids: TicketId[]): Result<TicketDetails[]> {
    return this.#event.for(actor, ({ tickets }) =>
      ok(ids.map((id) => tickets.get(id)).filter((ticket) => ticket !== null)),
    )
  }

  ticket(actor: Actor, id: TicketId): Result<TicketFacts & { scans: Recorded[] }> {
    return this.#event.for(actor, (parts) => {
      const ticket = parts.tickets.get(id)
      if (!ticket) return problem('not_found')
      const scans = parts.log
        .of(id, 100)
        .map((entry) => parts.telling.fromLog({ entry, cacheHit: false, fingerprint: new Uint8Array() }))
      return ok({ ...factsOf(parts, ticket), scans })
    })
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
    const acted = this.#event.change<TicketFacts>(actor, (parts) => {
      const was = parts.tickets.get(id)
      const ticket = parts.tickets.act(id, action, reason, newLink, parts.log.timeAt(at))
      if (!was || !ticket) return problem('not_found')
      const isFirst = was.revokedAt === null
      ticketChanges(parts.audit, was, ticket, reason !== null)
      if (action === 'revoke' && isFirst) this.#tellRevoked(parts, ticket, at)
      if (action === 'reissue') parts.images.outdate()
      return ok(factsOf(parts, ticket))
    })
    if (acted.ok && action === 'reissue') await this.#event.parts().images.untilKnown()
    return acted
  }

  /** What a code is made of, for whoever holds the ticket's link of this serial. */
  codeByLink(id: TicketId, link: number): Result<CodeSource> {
    return this.#event.for(everybody, ({ tickets, configuration }) => {
      const ticket = tickets.get(id)
      return ticket && ticket.link === link ? ok({ ticket, event: configuration.event }) : problem('not_found')
    })
  }

  /** Erases the person of a ticket. The ticket, its standing and the log stay. */
  erasePerson(
    actor: Actor,
    id: TicketId,
    how: { booking: boolean; by: string },
    at: number,
  ): Result<{ facts: TicketFacts; erasure: Erasure }> {
    return this.#event.change(actor, (parts) => {
      const erased = erasePerson(parts, id, how, at)
      const fields = erased.ok && erased.value.erasure.booking ? ['holder', 'booking'] : ['holder']
      parts.audit.about(
        { kind: 'ticket', id },
        fields.map((field) => ({ field })),
      )
      return erased
    })
  }

  /** Everything that is held about whoever has this address. */
  subject(actor: Actor, email: string): Result<Holding> {
    return this.#event.change(actor, (parts) => {
      const holding = holdingOf(parts, email)
      this.#aboutTickets(
        parts,
        holding.tickets.map(({ ticket }) => ticket),
      )
      return ok(holding)
    })
  }

  /** Erases whoever has this address; gives of which tickets. */
  eraseSubject(actor: Actor, email: string, by: string, at: number): Result<TicketId[]> {
    return this.#event.change(actor, (parts) => {
      const erased = eraseEverywhere(parts, email, by, at)
      this.#aboutTickets(parts, erased)
      return ok(erased.map(({ id }) => id))
    })
  }

  /** Whose person was erased, in the order in which they were. */
  listErasures(actor: Actor, after: number, limit: number): Result<Erasure[]> {
    return this.#event.for(actor, ({ erasures }) => ok(erasures.list(after, limit)))
  }

  /** Other people's formats that this event takes, with their secrets sealed. */
  codeFormats(actor: Actor): Result<SealedFormats> {
    return this.#event.for(actor, ({ formats }) => ok(formats.all()))
  }

  putCodeFormat(
    actor: Actor,
    wanted: Omit<SealedFormat, 'previous' | 'changedAt'>,
    keepPrevious: boolean,
    at: number,
  ): Result<SealedFormats> {
    return this.#event.change(actor, ({ formats, audit }) => {
      const { format, externalEventId, maxAgeMs } = wanted
      const was = formats.all().formats.find((one) => one.format === format)
      const told = was && { externalEventId: was.externalEventId, maxAgeMs: was.maxAgeMs }
      const changes = differences(told, { externalEventId, maxAgeMs })
      audit.about({ kind: 'format', id: format }, [...changes, { field: 'secret' }])
      return ok(formats.put(wanted, keepPrevious, at))
    })
  }

  removeCodeFormat(actor: Actor, format: FormatName): Result<SealedFormats> {
    return this.#event.change(actor, ({ formats, audit }) => {
      audit.about({ kind: 'format', id: format })
      return ok(formats.remove(format))
    })
  }

  /** What the image of a code is made of; brings along what the isolate counted since it last told. */
  imageByLink(id: TicketId, link: number, counted: Lookups | null): Result<{ source: ImageSource; lease: ImageLease }> {
    this.#countLookups(everybody, counted)
    return this.#event.for(everybody, ({ images }) => {
      const source = images.source(id, link)
      return source ? ok({ source, lease: images.lease() }) : problem('not_found')
    })
  }

  imageById(actor: Actor, id: TicketId, counted: Lookups | null): Result<ImageSource> {
    this.#countLookups(actor, counted)
    return this.#event.for(actor, ({ images }) => found(images.source(id)))
  }

  /** How the caches of images did, and under which generation those of now are kept. */
  imageLookups(actor: Actor, counted: Lookups | null): Result<Lookups & { generation: number }> {
    this.#countLookups(actor, counted)
    return this.#event.for(actor, ({ images }) => ok({ ...images.lookups(), generation: images.stamp.generation }))
  }

  /** No image that was kept until now is found any more. */
  async clearImages(actor: Actor): Promise<Result<null>> {
    const cleared = this.#event.change(actor, ({ images }) => {
      images.clearAll()
      return ok(null)
    })
    if (cleared.ok) await this.#event.parts().images.untilKnown()
    return cleared
  }

  /** The same for one ticket, as far as isolates go. Gives what its images are kept under elsewhere. */
  async clearImagesOf(actor: Actor, id: TicketId): Promise<Result<ImageSource>> {
    const cleared = this.#event.change(actor, ({ images, audit }) => {
      const source = images.source(id)
      if (source) images.clearOne()
      audit.about({ kind: 'ticket', id })
      return found(source)
    })
    if (cleared.ok) await this.#event.parts().images.untilKnown()
    return cleared
  }

  planSheet(actor: Actor, filter: PaperFilter): Result<SheetPlan> {
    return this.#event.for(actor, ({ tickets, configuration }) =>
      ok({ event: configuration.event, types: configuration.types.all(), total: tickets.countForPaper(filter) }),
    )
  }

  /** A page of the tickets that go on paper, without their standings. */
  listForSheet(actor: Actor, filter: TicketFilter): Result<{ items: TicketDetails[]; nextCursor: TicketId | null }> {
    return this.#event.for(actor, ({ tickets }) => {
      const { items, nextCursor } = tickets.list(filter)
      return ok({
        items: items.filter(({ status }) => status !== 'revoked' || filter.status === 'revoked'),
        nextCursor,
      })
    })
  }

  /** What the attendee's page shows, for whoever holds the ticket's link of this serial. */
  pageByLink(id: TicketId, link: number): Result<PageSource> {
    return this.#event.for(everybody, ({ tickets, configuration }) => {
      const ticket = tickets.get(id)
      const type = ticket && configuration.type(ticket.type)
      if (!ticket || !type || ticket.link !== link) return problem('not_found')
      return ok({ ticket, event: configuration.event, type })
    })
  }

  invite(actor: Actor, body: NewEnrolment, codeHash: Uint8Array, expiresAt: number): Result<null> {
    return this.#event.change(actor, (parts) => {
      parts.audit.about(
        { kind: 'staff', id: body.staffId },
        differences({}, { gateId: body.gateId ?? null, expiresAt }),
      )
      return invite(parts, body, codeHash, expiresAt)
    })
  }

  enrol(
    enrolling: Enrolling,
    at: number,
    doing?: Doing,
  ): Result<{ device: Device; event: EventDetails; gate: Gate | null }> {
    return this.#event.change({ ...everybody, ...(doing ? { doing } : {}) }, ({ configuration, devices, audit }) => {
      const enrolled = devices.enrol(enrolling, at)
      if (!enrolled.ok) return enrolled
      const device = enrolled.value
      const { type, gateId } = device
      audit.about({ kind: 'device', id: device.id }, differences({}, { staffId: device.staff.id, gateId, type }))
      const gate = device.gateId === null ? null : (configuration.gates.get(device.gateId) ?? null)
      return ok({ device, event: configuration.event, gate })
    })
  }

  /** The device that has or had this token, to see how it has to show that it is itself. */
  deviceByToken(deviceId: string, tokenHash: Uint8Array): Result<Device> {
    return this.#event.for(everybody, ({ devices }) => {
      const device = devices.get(deviceId)
      if (!device || devices.tokenState(deviceId, tokenHash, Date.now()) === 'unknown') {
        return problem('device_token_invalid')
      }
      return device.revokedAt === null ? ok(device) : problem('device_revoked')
    })
  }

  /**
   * Takes the token of a device that wants a new staff token, and its successor where it wants that too; gives the device,
   * and whether the successor was kept. A token that is over is in two hands, and nobody can tell which is the right one.
   */
  renewDevice(renewing: Renewing, at: number): Result<{ device: Device; succeeded: boolean }> {
    const { deviceId, tokenHash, proof } = renewing
    const device = this.deviceByToken(deviceId, tokenHash)
    if (!device.ok) return device
    const proven = this.#event.proven({ deviceId: device.value.id, ...(proof && { proof }) }, at)
    if (!proven.ok) return proven
    const renewed = this.#event.change(everybody, (parts) => renew(parts, device.value, renewing, at))
    if (renewed.ok && renewed.value.reused) {
      this.#dismissed(device.value.id)
      return problem('device_revoked')
    }
    return renewed
  }

  /** Somebody came with a device's staff or device token and without its key. */
  noteMisuse(deviceId: DeviceId, because: Misuse, at: number): void {
    this.#event.noteMisuse(deviceId, because, at)
  }

  listDevices(actor: Actor): Result<DeviceFacts[]> {
    return this.#event.for(actor, (parts) =>
      ok(parts.devices.all().map((device) => deviceFacts(parts, this.#statuses, this.#live, device))),
    )
  }

  /** One device, with the trail of what it did and got wrong. */
  device(actor: Actor, id: DeviceId, at: number): Result<{ facts: DeviceFacts; trail: DeviceTrail }> {
    return this.#event.for(actor, (parts) => {
      const device = parts.devices.get(id)
      if (!device) return problem('not_found')
      return ok({ facts: deviceFacts(parts, this.#statuses, this.#live, device), trail: deviceTrail(parts, id, at) })
    })
  }

  /** Takes a device out: for good, with what it held of the tickets. */
  revokeDevice(actor: Actor, id: DeviceId, at: number): Result<DeviceFacts> {
    const revoked = this.#event.change<DeviceFacts>(actor, (parts) => {
      const wasRevoked = parts.devices.get(id)?.revokedAt != null
      const device = parts.devices.revoke(id, at)
      if (!device) return problem('not_found')
      if (wasRevoked) parts.audit.aboutNothing()
      else parts.audit.about({ kind: 'device', id })
      parts.leases.release(id)
      return ok(deviceFacts(parts, this.#statuses, this.#live, device))
    })
    if (revoked.ok) this.#dismissed(id)
    return revoked
  }

  #dismissed(deviceId: DeviceId): void {
    this.#live.dismiss({ deviceId })
    this.#live.review()
  }

  /**
   * The one entrance for scans, one or five hundred. Each stands or falls alone; all share one commit. What they count as
   * is null where they were counted already.
   */
  record(actor: Actor, asks: ScanAsk[], countAs: LimitedCall | null = 'scan'): Promise<Result<Recorded>[]> {
    return this.#entrance.record(actor, asks, countAs)
  }

  /** Takes what gates did while they were cut off. */
  sync(actor: Actor, scans: SyncedScan[]): Promise<Result<SyncOutcome[]>> {
    return this.#bringingHome.sync(actor, scans)
  }

  /** Where gates showed something else than is judged, the newest first. */
  listConflicts(actor: Actor, before: number | null, limit: number, state: ConflictState) {
    return this.#event.for<{ conflicts: { seq: number; conflict: KnownConflict }[]; strays: KnownConflict[] }>(
      actor,
      ({ conflicts }) =>
        ok({
          conflicts: conflicts.list(before, limit, state),
          strays: before === null ? conflicts.strays(limit, state) : [],
        }),
    )
  }

  /** Notes that somebody has dealt with a conflict, or with null that it is open again. */
  handleConflict(actor: Actor, id: string, handled: Handled | null): Result<KnownConflict> {
    return this.#event.change(actor, ({ conflicts, audit }) => {
      audit.about({ kind: 'conflict', id }, handled?.note ? [{ field: 'note' }] : [])
      const known = conflicts.get(id) && (handled ? conflicts.handle(id, handled) : conflicts.reopen(id))
      return found(known)
    })
  }

  /** Notes the visit of an attendee who scanned a stall's own QR code, for whoever holds the ticket's link. */
  visit(visit: Visit): Promise<Result<Recorded>> {
    return this.#entrance.visit(visit)
  }

  /** The recorded answer to a scan. */
  answer(actor: Actor, scanId: ScanId): Result<Recorded> {
    return this.#event.for(actor, ({ log, telling }) => {
      const known = log.known(scanId)
      return known ? ok(telling.again(known)) : problem('not_found')
    })
  }

  /** Takes an admission back. Gives it as it stands in the log, with when it was taken back. */
  annul(actor: Actor, annulling: Annulling, at: number): Promise<Result<Recorded>> {
    return this.#entrance.annul(actor, annulling, at)
  }

  /** Sells at the door: the ticket, the payment and, if wished, the admission, all or nothing. */
  sell(actor: Actor, selling: Selling, at: number): Promise<Result<SoldTicket>> {
    return this.#walkIns.sell(actor, selling, at)
  }

  /** How many came to each checkpoint, and how many different tickets. */
  visits(actor: Actor): Result<StallVisits[]> {
    return this.#event.for(actor, ({ configuration, counters }) => ok(counters.visits(configuration.gates.all())))
  }

  /** What should be in each till. */
  till(actor: Actor): Result<TillLine[]> {
    return this.#event.for(actor, ({ sales }) => ok(sales.till()))
  }

  search(actor: Actor, text: string, limit: number): Result<TicketFacts[]> {
    return this.#event.for(actor, (parts) =>
      ok(parts.tickets.search(text, limit).map((ticket) => factsOf(parts, ticket))),
    )
  }

  startShift(actor: Actor, id: Uint8Array, deviceId: DeviceId, staffId: StaffId, at: number): Result<Shift> {
    return this.#event.change(actor, ({ shifts }) => ok(shifts.start(id, deviceId, staffId, at)))
  }

  /** Ends a shift: one's own device's, or for a supervisor anybody's. */
  endShift(actor: Actor, id: Uint8Array, onlyOf: DeviceId | null, at: number): Result<Shift> {
    return this.#event.change(actor, ({ shifts }) => {
      const known = shifts.get(id, at)
      if (!known || (onlyOf !== null && known.deviceId !== onlyOf)) return problem('not_found')
      return ok(shifts.end(id, at) ?? known)
    })
  }

  listShifts(actor: Actor, at: number): Result<Shift[]> {
    return this.#event.for(actor, ({ shifts }) => ok(shifts.list(at)))
  }

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
  people(
    actor: Actor,
    cursor: TicketId | undefined,
    limit: number,
  ): Result<{ items: Person[]; nextCursor: TicketId | null }> {
    return this.#event.for(actor, ({ tickets }) => {
      const { items, nextCursor } = tickets.list({ cursor, limit })
      return ok({ items: items.map(personOf), nextCursor })
    })
  }

  /** Counts codes that were not ours. They are counted and not logged: anyone can make them without end. */
  countInvalid(actor: Actor, reason: string, count: number, at: number): Result<null> {
    return this.#entrance.countInvalid(actor, reason, count, at)
  }

  /** Counts a call of a device against what it may ask. Whoever is no device passes. */
  spend(actor: Actor, call: LimitedCall, at: number): Result<null> {
    return this.#event.for(actor, (parts) => spendCall(parts, actor, call, at))
  }

  /** Lets a blocked device go on. */
  unblockDevice(actor: Actor, id: DeviceId): Result<DeviceFacts> {
    return this.#event.change(actor, (parts) => {
      const device = parts.devices.get(id)
      if (!device) return problem('not_found')
      parts.limits.unblock(id)
      parts.audit.about({ kind: 'device', id })
      return ok(deviceFacts(parts, this.#statuses, this.#live, device))
    })
  }

  /** What a file is read against. */
  importContext(actor: Actor): Result<ImportContext> {
    return this.#event.for(actor, (parts) => ok(importContext(parts)))
  }

  /** What would come of rows, if they were imported now. */
  checkRows(actor: Actor, rows: ImportRow[]): Result<Checked[]> {
    return this.#event.for(actor, ({ tickets }) => ok(tickets.check(rows)))
  }

  /** Begins to put a job together; the parts follow, and then it is queued. Asked twice, it is one job. */
  openJob(actor: Actor, job: NewJob, at: number): Result<Job> {
    return this.#event.change(quietly(actor), ({ jobs }) => {
      jobs.open(job, at)
      this.#alarm.by(at + TEND_AFTER_MS)
      return found(jobs.get(job.id))
    })
  }

  /** Adds the next part to a job, counted from 0; false where it was given up meanwhile. */
  addToJob(actor: Actor, id: JobId, no: number, part: Part, at: number): Result<boolean> {
    return this.#event.change(quietly(actor), ({ jobs }) => ok(jobs.add(id, no, part, at)))
  }

  /** All of a job is there: has it done. */
  async queueJob(actor: Actor, id: JobId, about: Job['about'], at: number): Promise<Result<Job>> {
    const queued = this.#event.change(actor, ({ jobs, configuration, audit }) => {
      jobs.queue(id, about, at)
      this.#alarm.by(at + TEND_AFTER_MS)
      const job = jobs.get(id)
      if (about.dryRun === true) audit.aboutNothing()
      else audit.about({ kind: 'job', id }, differences({}, { rows: job?.total ?? 0 }))
      return job ? ok({ job, eventId: configuration.event.id }) : problem('not_found')
    })
    if (!queued.ok) return queued
    await this.#jobs.send(queued.value.eventId, queued.value.job)
    return ok(queued.value.job)
  }

  /** Has the images of all valid tickets drawn and kept, as a job. */
  async warm(actor: Actor, id: JobId, formats: ImageFormat[], at: number): Promise<Result<Job>> {
    const begun = this.#event.change(actor, ({ warming, audit }) => {
      this.#alarm.by(at + TEND_AFTER_MS)
      audit.about({ kind: 'job', id }, differences({}, { formats }))
      return ok(warming.begin(id, formats, at))
    })
    return begun.ok ? this.#tending.warm(begun.value) : begun
  }

  /** Gives a job up for a reason; without one, it is taken away as if it had never been. */
  dropJob(actor: Actor, id: JobId, reason: string | null, at: number): Result<null> {
    return this.#event.change(quietly(actor), ({ jobs }) => {
      if (reason === null) jobs.remove(id)
      else jobs.fail(id, reason, at)
      this.#alarm.soon()
      return ok(null)
    })
  }

  /** Does the chunk that a message names, and those after it for a while; gives how the job goes on. */
  runJob(id: JobId, chunk: number): Promise<Step> {
    return this.#jobs.run(id, chunk)
  }

  /** What came of a chunk that the Worker did. */
  settleChunk(id: JobId, chunk: number, result: ChunkResult): Promise<Step> {
    return this.#jobs.settle(id, chunk, result)
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

  putWebhook(actor: Actor, id: string, wish: WebhookWish, at: number) {
    return this.#event.change<{ webhook: Webhook; secretIsMade: boolean; isNew: boolean }>(
      actor,
      ({ webhooks, audit }) => {
        const was = webhooks.get(id)
        const put = webhooks.put(id, wish, at)
        if (put.ok) this.#alarm.by(at)
        if (put.ok) webhookChanges(audit, id, was, put.value.webhook)
        return put
      },
    )
  }

  rotateWebhookSecret(actor: Actor, id: string, secret: Uint8Array, at: number): Result<Webhook> {
    return this.#event.change(actor, ({ webhooks, audit }) => {
      audit.about({ kind: 'webhook', id }, [{ field: 'secret' }])
      return webhooks.rotate(id, secret, at)
    })
  }

  removeWebhook(actor: Actor, id: string): Result<null> {
    return this.#event.change(actor, ({ webhooks, audit }) => {
      audit.about({ kind: 'webhook', id })
      return webhooks.remove(id)
    })
  }

  listWebhooks(actor: Actor): Result<Webhook[]> {
    return this.#event.for(actor, ({ webhooks }) => ok(webhooks.all()))
  }

  webhook(actor: Actor, id: string, at: number): Result<{ webhook: Webhook; secrets: SealedSecrets }> {
    return this.#event.for(actor, ({ webhooks }) => {
      const webhook = webhooks.get(id)
      const secrets = webhooks.secretsOf(id, at)
      return webhook && secrets ? ok({ webhook, secrets }) : problem('not_found')
    })
  }

  listDeliveries(actor: Actor, id: string, filter: DeliveryFilter) {
    return this.#event.for<{ items: Delivery[]; nextCursor: string | null }>(actor, ({ webhooks }) =>
      webhooks.deliveries(id, filter),
    )
  }

  delivery(actor: Actor, id: string, no: number): Result<{ delivery: Delivery; payload: WebhookPayload }> {
    return this.#event.for(actor, ({ webhooks }) => webhooks.delivery(id, no))
  }

  replayFailedDeliveries(actor: Actor, id: string, at: number): Result<number> {
    return this.#event.change(actor, ({ webhooks, audit }) => {
      const replayed = webhooks.replayFailed(id, at)
      if (replayed.ok) this.#alarm.by(at)
      if (replayed.ok) audit.about({ kind: 'webhook', id }, differences({}, { deliveries: replayed.value }))
      return replayed
    })
  }

  replayDelivery(actor: Actor, id: string, no: number, at: number): Result<Delivery> {
    return this.#event.change(actor, ({ webhooks, audit }) => {
      const replayed = webhooks.replay(id, no, at)
      if (replayed.ok) this.#alarm.by(at)
      audit.about({ kind: 'webhook', id }, differences({}, { delivery: no }))
      return replayed
    })
  }

  /** What the log adds up to, and how much of it D1 has not been told yet. */
  stats(actor: Actor): Result<{ stats: Stats; pending: number }> {
    return this.#event.for(actor, ({ counters, outbox }) =>
      ok({ stats: counters.stats, pending: outbox.pending().entries }),
    )
  }

  /** What the doors look like now, and the words for it. */
  live(actor: Actor, at: number): Result<Live> {
    return this.#event.for(actor, (parts) => {
      const { gates, staff, types } = parts.configuration
      const words = { gates: gates.all(), staff: staff.all(), types: types.all() }
      return ok({ ...doorsNow(parts, at), ...words, conflicts: parts.conflicts.count() })
    })
  }

  /** What somebody should look at, the newest first. */
  listAlerts(actor: Actor, before: number, kinds: readonly AlertKind[], limit: number): Result<WireAlert[]> {
    return this.#event.for(actor, ({ notices, configuration }) =>
      ok(
        notices
          .before(before, kinds, limit)
          .flatMap(({ no, notice, at }) => toWireAlert(configuration.event.id, no, notice, at) ?? []),
      ),
    )
  }

  /** What is measured of the event. */
  measure(actor: Actor): Result<Measured> {
    return this.#event.for(actor, (parts) => ok(measure(parts)))
  }

  /** The log itself, in order. */
  entries(actor: Actor, after: number, limit: number): Result<Entry[]> {
    return this.#event.for(actor, ({ log }) => ok(log.after(after, limit)))
  }

  /** Hears everything that the event's shards, or one of them, have judged until now. */
  gather(shard: number | null = null): Promise<void> {
    return this.#dividing.gather(shard)
  }

  /** Tells the event's shards everything that they are to judge by from now on. */
  scatter(): Promise<void> {
    return this.#dividing.scatter()
  }

  /** As a shard: takes over what the event's Gatekeeper has it judge by. */
  adopt(replica: Replica): void {
    this.#asShard.adopt(replica)
  }

  /** As a shard: gives what was judged after an entry. Whoever asks has everything up to that. */
  handOver(after: number): Logged[] {
    return this.#asShard.handOver(after)
  }

  /** Lends a shard so many places of rooms as it needs, where they can be had. */
  lend(borrowing: Borrowing): Promise<Lent> {
    return this.#lending.lend(borrowing)
  }

  /** As a shard: keeps of a room only what is full of it; gives how much that is. */
  giveBack(room: RoomName): Kept {
    return this.#asShard.giveBack(room)
  }

  /** As a shard: forgets everything, where the Gatekeeper has all of its log; null where that does not matter any more. */
  dissolve(takenUpTo: number | null): Promise<boolean> {
    return this.#asShard.dissolve(takenUpTo)
  }

  /** Tells D1 what it has not been told, now. Called by the cron sweep, which so heals a lost alarm. */
  async flush(): Promise<void> {
    if (!this.#event.isBorn) return
    const at = Date.now()
    if (this.#dividing.shard > 0) return this.#asShard.callForGatekeeper()
    await this.#dividing.catchUp()
    this.#host.zones.look(at)
    this.#event.change(everybody, ({ shifts, warming }) => {
      shifts.endForgotten(at)
      warming.beforeStart(at)
      return ok(null)
    })
    this.#tellWebhooks(at)
    await this.#draining.drain()
    await this.#tending.tendJobs()
    await this.#tending.forgetDue()
    this.#lookAround()
  }

  /** Checks the next slice of the log; null begins at its start. */
  checkLog(actor: Actor, from: LogMark | null): Result<LogSlice> {
    return this.#event.for(actor, (parts) => ok(checkLog(parts, from)))
  }

  /** Checks the next slice of standings against the log. */
  checkStandings(actor: Actor, from: StandingKey | null): Result<StandingSlice> {
    return this.#event.for(actor, (parts) => ok(checkStandings(parts, from)))
  }

  /** Notes that somebody took away what is here: a file, a sheet, what is known of a person. */
  noteTaken(actor: Actor): Result<null> {
    return this.#event.change(actor, () => ok(null))
  }

  /** What people changed, the newest first, with the names that those who did it have now. */
  listAudit(actor: Actor, filter: AuditFilter): Result<AuditedBy[]> {
    return this.#event.for(actor, (parts) =>
      ok(parts.audit.list(filter).map((audited) => ({ ...audited, ...namesOf(parts, audited) }))),
    )
  }

  /** The same in the order in which it was done, for a file. */
  auditAfter(actor: Actor, no: number, limit: number): Result<AuditedBy[]> {
    return this.#event.for(actor, (parts) =>
      ok(parts.audit.after(no, limit).map((audited) => ({ ...audited, ...namesOf(parts, audited) }))),
    )
  }

  /** Checks the next lines of the audit log; null begins with the first. */
  checkAudit(actor: Actor, from: AuditMark | null): Result<AuditSlice> {
    return this.#event.for(actor, ({ audit }) => ok(audit.check(from ?? auditBegin())))
  }

  /** Tells D1 what it lacks before a report is made of it. Where D1 does not take it, the report is of before. */
  async catchUp(actor: Actor): Promise<Result<null>> {
    const allowed = this.#event.for(actor, () => ok(null))
    if (allowed.ok && this.#event.parts().outbox.pending().entries > 0) await this.#draining.drain()
    return allowed
  }

  /**
   * Opens a live socket. The Worker alone can send this: it has checked who asks, and says so in a header. Everything else
   * is a method.
   */
  override async fetch(request: Request): Promise<Response> {
    const at = Date.now()
    const { actor, nonce, ...ask } = JSON.parse(decodeURIComponent(request.headers.get('X-Live') ?? '')) as LiveRequest
    const parts = this.#event.allowed(actor)
    if (!parts.ok) return refuseSocket(parts.problem)
    if (this.#live.isFull) return refuseSocket({ code: 'rate_limited', waitMs: 60_000 })
    if (nonce !== null && !this.#useOnce(nonce, at)) return refuseSocket({ code: 'live_ticket_used' })
    if (ask.deviceId !== null) {
      this.#statuses.seen(ask.deviceId, at)
      this.#alarm.by(at + SILENCE_MS)
    }
    return this.#live.open(ask, at)
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#live.message(socket, message)
  }

  override webSocketClose(): void {
    if (!this.#draining.isOver) this.#live.closed()
  }

  override webSocketError(): void {
    if (!this.#draining.isOver) this.#live.closed()
  }

  /** Takes a rehearsal of that event away: out of D1, and then here. What is none stays: `not_found`. */
  async endRehearsal(actor: Actor, of: EventId): Promise<Result<null>> {
    const found = this.#event.for(actor, ({ configuration }) =>
      configuration.event.rehearsalOf === of ? ok(null) : problem('not_found'),
    )
    if (!found.ok) return found
    await this.#draining.end()
    this.#live.dismiss('everybody')
    await this.#dividing.end()
    this.#event.reread()
    await this.#alarm.cancel()
    await this.ctx.storage.deleteAll()
    return ok(null)
  }

  /** Closes the sockets that were opened with a key that was revoked since. */
  dropKey(key: string): void {
    this.#live.dismiss({ key })
  }

  override async alarm(): Promise<void> {
    this.#alarm.came()
    if (this.#draining.isOver || !this.#event.isBorn) return
    if (this.#dividing.shard > 0) return this.#asShard.callForGatekeeper()
    await this.#dividing.catchUp()
    this.#tellWebhooks(Date.now())
    await this.#draining.drain()
    await this.#tending.tendJobs()
    await this.#tending.forgetDue()
    this.#lookAround()
  }

  /** Looks for what nobody's call would bring up, and sees to it that it is looked for again. */
  #lookAround(): void {
    const at = Date.now()
    this.#event.change(everybody, (parts) => {
      const nextAt = this.#watch.look(parts, this.#statuses, (id) => this.#live.heardAt(id), at)
      if (nextAt !== null) this.#alarm.by(nextAt)
      return ok(null)
    })
  }

  /** Not awaited: an endpoint that takes its time must not keep the next alarm from coming. */
  #tellWebhooks(at: number): void {
    this.ctx.waitUntil(this.#courier.run(at))
  }

  #tellRevoked({ notices }: EventParts, { id, reference, type }: TicketDetails, at: number): void {
    notices.raise({ kind: 'ticket.revoked', ticketId: id, reference, type }, at)
  }

  #countLookups(actor: Actor, counted: Lookups | null): void {
    if (counted === null) return
    this.#event.change(quietly(actor), ({ images }) => {
      images.count(counted)
      return ok(null)
    })
  }

  /** Whether nobody came with this one-time ticket yet. It is forgotten when it would not be good any more. */
  #useOnce(nonce: string, at: number): boolean {
    const used = JSON.parse(this.#meta.text('live_tickets') ?? '{}') as Record<string, number>
    if (Object.hasOwn(used, nonce)) return false
    const kept = Object.entries(used).filter(([, until]) => until > at)
    this.#meta.set('live_tickets', JSON.stringify(Object.fromEntries([...kept, [nonce, at + LIVE_TICKET_MS]])))
    return true
  }

  #aboutTickets({ audit }: EventParts, found: TicketDetails[]): void {
    if (found.length === 0) audit.aboutNothing()
    else audit.about(null, [{ field: 'ticketIds', after: found.map(({ id }) => id) }])
  }

  /** Runs a change of what devices judge by: who may hold which tickets may be another question then. */
  #configure<T>(actor: Actor, work: (parts: EventParts) => Result<T>): Result<T> {
    const result = this.#event.change(actor, work)
    if (result.ok) this.#live.review()
    return result
  }

  async #healAlarm(): Promise<void> {
    await this.#alarm.recall()
    const { outbox, webhooks } = this.#event.parts()
    const { entries, directory } = outbox.pending()
    if (entries > 0 || directory || webhooks.hasWork() || this.#dividing.hasNews()) this.#alarm.soon()
    if (this.#dividing.shard > 0) return
    if (this.#event.parts().jobs.isAnyUnfinished()) this.#alarm.by(Date.now() + TEND_AFTER_MS)
    const due = nextForgetting(this.#event.parts().configuration.event)
    if (due !== null) this.#alarm.by(Math.max(due.at, Date.now() + DRAIN_AFTER_MS))
  }
}

/** A line of the audit log and what whoever did it is called now, where it was a device. */
export type AuditedBy = Audited & { name: string | null }

function namesOf({ configuration }: EventParts, { line: { by } }: Audited): { name: string | null } {
  return { name: by.kind === 'device' ? (configuration.staff.get(by.staffId)?.name ?? null) : null }
}

/** Enough to find somebody's ticket by name. */
export type Person = Pick<TicketDetails, 'type' | 'shortCode' | 'reference'> & {
  ticketId: TicketId
  name: string | null
}

function personOf({ id, type, shortCode, reference, holder, booking }: TicketDetails): Person {
  return { ticketId: id, name: holder.name ?? booking?.name ?? null, type, shortCode, reference }
}

/** What the Worker says of a socket that is to be opened. `nonce` is a one-time ticket's, null where there was none. */
export type LiveRequest = LiveAsk & { actor: Actor; nonce: string | null }

/** What of the Worker's own entrances is used from here. */
type Exports = { WebhookSender: { send: (parcel: Parcel) => Promise<Outcome[]> } }

function found<T>(value: T | null): Result<T> {
  return value === null ? problem('not_found') : ok(value)
}
