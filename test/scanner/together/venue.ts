import type { Ports } from '../../../web/scanner/engine/ports.ts'
import type { Shown } from '../../../web/scanner/engine/shown.ts'
import { type Client, gateA, gateB, issue, issuePrinted, openVenue, type Ticket } from '../../process/client.ts'
import { type Server, startServer } from '../../process/server.ts'
import { Phone, until } from '../phone.ts'

export type Issued = Ticket & { token: string }

export type LoggedEntry = {
  scanId: string
  verdict: string
  code: string | null
  offline: boolean
  annulledAt: string | null
}

/** A server of its own with one event, and phones that come and go. */
export class Doors {
  readonly server: Server
  readonly organiser: Client
  readonly path: string
  readonly #phones: Phone[] = []

  private constructor(server: Server, organiser: Client, path: string) {
    this.server = server
    this.organiser = organiser
    this.path = path
  }

  static async open(policy: object = {}, options: Parameters<typeof startServer>[0] = {}): Promise<Doors> {
    const server = await startServer(options)
    const venue = await openVenue(server.url, { devices: 0, tickets: 0 })
    await venue.organiser.ask('PATCH', venue.path, { policy })
    await venue.organiser.ask('PUT', `${venue.path}/staff/sue`, { name: 'Sue', role: 'supervisor' })
    return new Doors(server, venue.organiser, venue.path)
  }

  tickets(count: number): Promise<Issued[]> {
    return issue(this.organiser, this.path, count)
  }

  printed(count: number): Promise<Issued[]> {
    return issuePrinted(this.organiser, this.path, count)
  }

  async act(ticket: Ticket, action: 'revoke' | 'block' | 'reissue' | 'restore'): Promise<void> {
    await this.organiser.ask('POST', `${this.path}/tickets/${ticket.id}/${action}`, {})
  }

  /** A phone that is enrolled at a gate and knows the event as it is now. */
  async phone(gateId: string = gateA, staffId = 'sam', more: Partial<Ports> = {}): Promise<Phone> {
    const phone = new Phone(this.server.url, more)
    this.#phones.push(phone)
    const engine = await phone.start()
    const { url } = await this.organiser.ask<{ url: string }>('POST', `${this.path}/enrolments`, { staffId, gateId })
    const enrolled = await engine.enrol(url, { name: `Phone at ${gateId}`, type: 'mobile' })
    if (!enrolled.ok) throw new Error(`not enrolled: ${JSON.stringify(enrolled.failure)}`)
    await until('the phone is ready', () => engine.status.value.readyOffline.all)
    return phone
  }

  /** Everything that was logged of a ticket. */
  async scansOf(ticket: Ticket): Promise<LoggedEntry[]> {
    const { ticket: shown } = await this.organiser.ask<{ ticket: { scans: LoggedEntry[] } }>(
      'GET',
      `${this.path}/tickets/${ticket.id}`,
    )
    return shown.scans
  }

  async close(): Promise<void> {
    for (const phone of this.#phones) phone.turnOff()
    await this.server.remove()
  }
}

/** Scans a code; gives what is shown in one word. */
export async function scan(phone: Phone, text: string, more: { direction?: 'entry' | 'exit' } = {}): Promise<string> {
  return wordOf(await phone.engine.scan({ what: { text }, source: 'camera', ...more }))
}

/** `admitted by device`, `already_admitted by gatekeeper` … */
export function wordOf({ verdict, judgedBy }: Shown): string {
  switch (verdict.kind) {
    case 'refused':
      return `${verdict.refusal.reason} by ${judgedBy}`
    case 'undecided':
      return `${verdict.because.reason} by ${judgedBy}`
    default:
      return `${verdict.kind} by ${judgedBy}`
  }
}

/** What a phone takes the server's time to be, in milliseconds since 1970: it knows it to within a round trip. */
const timeOf = (phone: Phone) => Date.now() - (phone.engine.status.value.clock.skewMs ?? 0)

/**
 * Waits until whatever a phone does is later than what was done so far by the server and by another phone: which of two
 * scans was first is told by their times, however busy the machine was when the phones asked what time it is.
 */
export async function untilLater(phone: Phone, other: Phone): Promise<void> {
  const latest = Math.max(Date.now(), timeOf(other))
  await until('its time is past that', () => timeOf(phone) > latest + 1)
}

/** Numbers that look like chance and come again with the same seed (mulberry32). */
export function chanceOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

export { gateA, gateB }
