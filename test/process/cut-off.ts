import { setTimeout as sleep } from 'node:timers/promises'
import { type Device, gateA, gateB, type Scan, untilAnswered } from './client.ts'
import type { Synced } from './history.ts'

type SyncAnswer = { results?: { items?: { scanId: string; outcome?: string; code?: string }[] } }

type Alone = {
  scan: Scan
  ticketId: string
  shown: 'admitted' | 'refused'
  triedAt: number | null
  at: number
  sequence: number
  sentAt: number | null
}

/** What is presented next, whether it was shown before or not. */
type NextTicket = () => { id: string; token: string }

/**
 * A gate that is cut off again and again: it lets in alone whom it has not seen, asks the Gatekeeper now and then in
 * vain, and brings home what it did, some of it twice at a time and some of it hung up on, until all of it is answered.
 */
export class CutOff {
  readonly synced: Synced[] = []
  readonly #device: Device
  readonly #random: () => number
  readonly #next: NextTicket
  readonly #letIn = new Set<string>()
  #pending: Alone[] = []
  #sequence = 0

  constructor(device: Device, random: () => number, next: NextTicket) {
    this.#device = device
    this.#random = random
    this.#next = next
  }

  /** A while without a network, and coming home; what is not answered when it is enough stays pending. */
  async spell(isEnough: () => boolean): Promise<void> {
    const count = 1 + Math.floor(this.#random() * 20)
    for (let i = 0; i < count; i++) await this.#scanAlone()
    await this.bringHome(isEnough)
  }

  async bringHome(isEnough: () => boolean): Promise<void> {
    if (this.#pending.length === 0) return
    // An attempt that was not answered may have arrived.
    for (const one of this.#pending) one.sentAt ??= performance.now()
    const send = (signal?: AbortSignal) =>
      this.#device.send<SyncAnswer>(
        'POST',
        '/api/hp-scanner/offline-sync',
        { scans: this.#pending.map(itemOf) },
        {
          ...(signal ? { signal } : {}),
        },
      )
    if (this.#random() < 0.2) await send(AbortSignal.timeout(1 + Math.floor(this.#random() * 10))).catch(() => {})
    const isTwice = this.#random() < 0.2
    const [answer] = await Promise.all([
      untilAnswered(() => send(), isEnough),
      ...(isTwice ? [untilAnswered(() => send(), isEnough)] : []),
    ])
    if (!answer) return
    const answered = new Set(
      answer.body.results?.items?.flatMap(({ scanId, code }) => (code === 'internal' ? [] : [scanId])),
    )
    const at = performance.now()
    for (const { scan, ticketId, shown, triedAt, sentAt } of this.#pending) {
      if (!answered.has(scan.scanId) || sentAt === null) continue
      this.synced.push({ scanId: scan.scanId, ticketId, shown, triedAt, sentAt, at })
    }
    this.#pending = this.#pending.filter(({ scan }) => !answered.has(scan.scanId))
  }

  async #scanAlone(): Promise<void> {
    const { id, token } = this.#next()
    const gateId = this.#random() < 0.5 ? gateA : gateB
    const scan = { scanId: crypto.randomUUID(), qrPayload: token, gateId }
    const isNew = !this.#letIn.has(id)
    // The network went while it asked: whether that arrived it will never know.
    const triedAt = isNew && this.#random() < 0.3 ? performance.now() : null
    if (triedAt !== null) {
      await this.#device.scan(scan, AbortSignal.timeout(1 + Math.floor(this.#random() * 6))).catch(() => {})
    }
    this.#letIn.add(id)
    const shown = isNew ? 'admitted' : 'refused'
    this.#pending.push({ scan, ticketId: id, shown, triedAt, at: Date.now(), sequence: ++this.#sequence, sentAt: null })
    await sleep(this.#random() * 4)
  }
}

function itemOf({ scan, shown, at, sequence }: Alone) {
  return {
    ...scan,
    localTimestamp: new Date(at).toISOString(),
    verdict: shown === 'admitted' ? shown : { refused: 'already_admitted' },
    sequence,
  }
}
