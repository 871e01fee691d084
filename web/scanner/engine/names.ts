import type { TicketOutline } from '../../../core/alone.ts'
import type { TicketStatus } from '../../../core/event.ts'
import type { EventId, TicketId, TypeId } from '../../../core/ids.ts'
import { searchWords } from '../../../core/search.ts'
import type { Calls } from './calls.ts'
import type { Failure, Outcome } from './engine.ts'
import type { Ports } from './ports.ts'
import type { Status } from './status.ts'
import { instant, list, number, oneOf, record, text, type Wire } from './wire.ts'

/** A person as a supervisor's device keeps them, sealed, to be found with no network. */
export type Named = {
  id: TicketId
  name: string | null
  type: TypeId
  status: TicketStatus
  shortCode: string
  admits: number
  validFrom: number | null
  validUntil: number | null
  note: string | null
  requiresAttention: boolean
  /** What they are found by, folded. */
  words: string[]
}

const PAGE = 200
const TIMEOUT_MS = 20_000
const FOUND = 20
const FREE_TRIES = 5
const LOCKED_MS = 30_000
const PIN_SHAPE = /^\d{4,12}$/

/**
 * A supervisor's PIN, and the names that it opens. At rest they are sealed with a key that takes the PIN and a secret
 * which cannot leave this browser; opened, they are in memory only.
 */
export class Names {
  readonly #ports: Pick<Ports, 'store' | 'crypto' | 'random' | 'time'>
  readonly #calls: Calls
  #byId: Map<TicketId, Named> | null = null

  constructor(ports: Pick<Ports, 'store' | 'crypto' | 'random' | 'time'>, calls: Calls) {
    this.#ports = ports
    this.#calls = calls
  }

  async state(): Promise<Status['names']> {
    if (this.#byId !== null) return 'unlocked'
    return (await this.#ports.store.get('names')) === null ? 'none' : 'locked'
  }

  async hasPin(): Promise<boolean> {
    return (await this.#ports.store.get('pin')) !== null
  }

  async setPin(pin: string, current: string | undefined): Promise<Outcome<null>> {
    const { store, crypto, random } = this.#ports
    if (!PIN_SHAPE.test(pin))
      return failed({ code: 'problem', problem: 'bad_pin', message: 'A PIN has 4 to 12 digits.' })
    if (await this.hasPin()) {
      const opened = await this.#stretch(current ?? '')
      if (!opened.ok) return opened
    }
    const salt = random(16)
    const key = await crypto.newPinKey()
    const check = (await crypto.stretchPin(key, pin, salt)).slice(0, 32)
    await store.put('pin', { key, salt, check, wrong: 0, notBefore: 0 })
    await store.put('names', null)
    this.lock()
    return { ok: true, value: null }
  }

  async check(pin: string): Promise<Outcome<null>> {
    const opened = await this.#stretch(pin)
    return opened.ok ? { ok: true, value: null } : opened
  }

  /** Opens the names; fetches them where there is a network, so that they are as new as can be. */
  async unlock(pin: string, eventId: EventId, progress: (done: number) => void): Promise<Outcome<{ names: number }>> {
    const key = await this.#stretch(pin)
    if (!key.ok) return key
    const fetched = await this.#fetch(eventId, progress)
    if (fetched.ok) {
      const nonce = this.#ports.random(12)
      const plain = new TextEncoder().encode(JSON.stringify(fetched.value))
      const sealed = await this.#ports.crypto.seal(key.value, nonce, plain)
      await this.#ports.store.put('names', { nonce, sealed, count: fetched.value.length })
      return this.#open(fetched.value)
    }
    const kept = await this.#ports.store.get('names')
    const plain = kept && (await this.#ports.crypto.open(key.value, kept.nonce, kept.sealed))
    return plain ? this.#open(JSON.parse(new TextDecoder().decode(plain)) as Named[]) : fetched
  }

  lock(): void {
    this.#byId = null
  }

  /** Takes them off the device. */
  async forget(): Promise<void> {
    this.lock()
    await this.#ports.store.put('names', null)
  }

  /** By the beginnings of words; all must be there. null: the names are not open. */
  search(typed: string): Named[] | null {
    if (this.#byId === null) return null
    const words = searchWords(typed)
    const found: Named[] = []
    for (const named of this.#byId.values()) {
      if (words.every((word) => named.words.some((one) => one.startsWith(word)))) found.push(named)
      if (found.length === FOUND) break
    }
    return found
  }

  whoIs(id: TicketId): string | null {
    return this.#byId?.get(id)?.name ?? null
  }

  outlineOf(named: { ticketId: TicketId } | { shortCode: string }): TicketOutline | null {
    if ('ticketId' in named) return this.#byId?.get(named.ticketId) ?? null
    return [...(this.#byId?.values() ?? [])].find(({ shortCode }) => shortCode === named.shortCode) ?? null
  }

  #open(names: Named[]): Outcome<{ names: number }> {
    this.#byId = new Map(names.map((named) => [named.id, named]))
    return { ok: true, value: { names: names.length } }
  }

  /** The key that a PIN opens, if it is the right one. Wrong ones are counted, and soon cost time. */
  async #stretch(pin: string): Promise<Outcome<Uint8Array>> {
    const { store, crypto, time } = this.#ports
    const kept = await store.get('pin')
    if (kept === null) return failed({ code: 'wrong_pin' })
    if (time.wall() < kept.notBefore) return failed({ code: 'locked', until: kept.notBefore })
    const stretched = await crypto.stretchPin(kept.key, pin, kept.salt)
    const isRight = kept.check.reduce((difference, byte, i) => difference | (byte ^ (stretched[i] ?? 0)), 0) === 0
    const wrong = isRight ? 0 : kept.wrong + 1
    const lockedMs = wrong < FREE_TRIES ? 0 : LOCKED_MS * 2 ** Math.min(10, wrong - FREE_TRIES)
    if (wrong !== kept.wrong) await store.put('pin', { ...kept, wrong, notBefore: time.wall() + lockedMs })
    return isRight ? { ok: true, value: stretched.slice(32) } : failed({ code: 'wrong_pin' })
  }

  async #fetch(eventId: EventId, progress: (done: number) => void): Promise<Outcome<Named[]>> {
    const names: Named[] = []
    let cursor: string | null = null
    do {
      const reply = await this.#page(eventId, cursor)
      if (!reply.ok) return reply
      names.push(...list(reply.value.items).map(namedOf))
      progress(names.length)
      cursor = text(reply.value.nextCursor)
    } while (cursor !== null)
    return { ok: true, value: names }
  }

  async #page(eventId: EventId, cursor: string | null): Promise<Outcome<Wire>> {
    const path = `/api/events/${eventId}/tickets?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`
    for (;;) {
      const reply = await this.#calls.send({ method: 'GET', path, timeoutMs: TIMEOUT_MS })
      if (reply.kind === 'wait') {
        await new Promise<void>((resolve) => this.#ports.time.after(reply.ms, resolve))
        continue
      }
      if (reply.kind !== 'answer') return failed({ code: 'no_network' })
      if (reply.status === 200) return { ok: true, value: record(reply.body.data) }
      const problem = text(reply.body.code) ?? 'unknown'
      return failed({ code: 'problem', problem, message: text(reply.body.message) ?? '' })
    }
  }
}

function namedOf(value: unknown): Named {
  const ticket = record(value)
  const holder = record(ticket.holder)
  const booking = record(ticket.booking)
  const name = text(holder.name) ?? text(booking.name)
  const shortCode = text(ticket.shortCode) ?? ''
  return {
    id: text<TicketId>(ticket.id) ?? ('' as TicketId),
    name,
    type: text<TypeId>(ticket.type) ?? ('' as TypeId),
    status: oneOf<TicketStatus>(ticket.status, ['valid', 'unpaid', 'blocked', 'revoked']) ?? 'valid',
    shortCode,
    admits: number(ticket.admits) ?? 1,
    validFrom: instant(ticket.validFrom),
    validUntil: instant(ticket.validUntil),
    note: text(ticket.note),
    requiresAttention: ticket.requiresAttention === true,
    words: searchWords(name, text(booking.name), text(booking.id), text(ticket.reference), shortCode),
  }
}

function failed(failure: Failure): Extract<Outcome<never>, { ok: false }> {
  return { ok: false, failure }
}
