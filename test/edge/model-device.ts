import { covers } from '../../core/cursor.ts'
import type { GateId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { homeGate, type Lease } from '../../core/lease.ts'
import { call, type newDevice, scan } from './api.ts'
import { type Listener, listen } from './listener.ts'

export type ModelTicket = { id: string; code: string }

type Pending = { scanId: string; qrPayload: string; gateId: string; localTimestamp: string; verdict: 'admitted' }

/**
 * The least that a device must do for the strict policy to hold, straight from the rules: what it wrote down, it keeps
 * whatever happens; what it hears over the socket, it hears only while it is connected.
 */
export class ModelDevice {
  readonly eventId: string
  readonly gateId: string
  readonly credentials: Awaited<ReturnType<typeof newDevice>>
  /** Tickets whose people it let through its gate, in person. */
  readonly letIn: string[] = []
  lease: Lease | null = null
  #listener: Listener | null = null
  #heard = 0
  #cursor = '0.0.0'
  #known = new Set<string>()
  #gone = new Set<string>()
  #own = new Set<string>()
  #pending: Pending[] = []
  /** Hears, but its answers do not come through. */
  isMute = false

  constructor(eventId: string, gateId: string, credentials: Awaited<ReturnType<typeof newDevice>>) {
    this.eventId = eventId
    this.gateId = gateId
    this.credentials = credentials
  }

  get isConnected(): boolean {
    return this.#listener !== null
  }

  /** R2: first everything pending is brought home; then it gets a snapshot, and listens. */
  async connect(): Promise<void> {
    if (this.#listener) return
    await this.#sync()
    await this.#fetch()
    this.#listener = await listen(this.eventId, this.credentials.token, `?since=${this.#cursor}`)
    this.#heard = 0
    this.#listener.socket.addEventListener('message', () => this.#hear())
    this.#listener.send({ type: 'status', pending: this.#pending.length, readyOffline: true })
    await scheduler.wait(30)
    this.#hear()
  }

  disconnect(): void {
    this.#hear()
    this.#listener?.socket.close()
    this.#listener = null
  }

  /** Somebody shows a ticket. `lost`: the call arrives, and its answer does not. */
  async scan(ticket: ModelTicket, { lost = false } = {}): Promise<string> {
    const scanId = crypto.randomUUID()
    if (!this.#listener) return this.#alone(ticket, scanId)
    await this.#sync()
    this.#listener.socket.send('ping')
    const { body } = await scan(this.credentials.token, ticket.code, { scanId, gateId: this.gateId })
    if (lost) return this.#alone(ticket, scanId)
    if (body.verdict !== 'admitted') return body.code
    this.#own.add(ticket.id)
    this.letIn.push(ticket.id)
    return 'admitted'
  }

  async giveBack(): Promise<void> {
    if (!this.#listener || !this.lease) return
    await this.#sync()
    const { generation } = this.lease
    this.lease = null
    this.#listener.send({ type: 'lease_returned', generation })
  }

  #alone(ticket: ModelTicket, scanId: string): string {
    const { lease } = this
    const shared = { ticketId: ticket.id as TicketId, type: 'standard' as TypeId, zone: 'main' as ZoneId }
    const mayAdmit =
      lease?.state === 'held' &&
      lease.cursor !== null &&
      covers(this.#cursor, lease.cursor) &&
      homeGate(lease.gates, shared) === (this.gateId as GateId) &&
      ![this.#gone, this.#own, this.#known].some((tickets) => tickets.has(ticket.id))
    if (!mayAdmit) return 'held_elsewhere'
    const localTimestamp = new Date().toISOString()
    this.#pending.push({ scanId, qrPayload: ticket.code, gateId: this.gateId, localTimestamp, verdict: 'admitted' })
    this.#own.add(ticket.id)
    this.letIn.push(ticket.id)
    return 'admitted'
  }

  async #sync(): Promise<void> {
    if (this.#pending.length === 0) return
    const scans = this.#pending
    const { status } = await call('POST', '/api/hp-scanner/offline-sync', {
      as: this.credentials.token,
      body: { scans },
    })
    if (status === 200) this.#pending = []
  }

  async #fetch(): Promise<void> {
    const { body } = await call('GET', `/api/hp-scanner/snapshot/${this.eventId}?since=${this.#cursor}`, {
      as: this.credentials.token,
    })
    for (const { ticketId, entries } of body.data.standings) if (entries > 0) this.#known.add(ticketId)
    this.#cursor = body.data.cursor
  }

  #hear(): void {
    const listener = this.#listener
    if (!listener) return
    for (; this.#heard < listener.messages.length; this.#heard++) {
      const message = listener.messages[this.#heard]
      switch (message?.type) {
        case 'standings':
          for (const { ticketId, entries } of message.items) if (entries > 0) this.#known.add(ticketId)
          this.#cursor = message.cursor
          break
        case 'recall':
          for (const id of message.ticketIds) this.#gone.add(id)
          // While its own scan of the ticket is not home, it must not say that it gave it up.
          if (this.#pending.length === 0 && !this.isMute)
            listener.send({ type: 'recalled', recallId: message.recallId })
          break
        case 'lease':
          this.lease = message.lease
          if (message.lease?.state === 'offered') {
            listener.send({ type: 'lease_taken', generation: message.lease.generation })
          }
          break
      }
    }
  }
}
