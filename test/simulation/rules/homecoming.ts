import type { ScanId } from '../../../core/ids.ts'
import type { RefusalReason } from '../../../core/verdict.ts'
import type { ShownAlone, SyncedScan, SyncOutcome } from '../../../durable-objects/offline/syncing.ts'
import type { KeptVerdict } from '../../../web/scanner/engine/store.ts'
import type { Device } from './device.ts'
import type { Kept } from './disk.ts'
import { askOf } from './scanning.ts'

const TIMEOUT_MS = 10_000
const BACK_OFF_MS = 1000

/** The way home of what this device decided alone: one call at a time, in the order in which it was made. */
export class Homecoming {
  readonly #device: Device
  #isBusy = false
  #isSyncing = false
  #waiting: (() => void)[] = []

  constructor(device: Device) {
    this.#device = device
  }

  start(): void {
    this.sync()
  }

  died(): void {
    this.#isBusy = false
    this.#isSyncing = false
    this.#waiting = []
  }

  /** Whether nothing of this ticket on this device is unknown to the Gatekeeper. */
  isHome(no: number): boolean {
    return this.#device.disk.pending(no, 1).length === 0
  }

  /** Brings home what is pending; what is to be given back after that is given back. */
  sync(): void {
    if (this.#isSyncing) return
    this.#isSyncing = true
    this.flush(null, TIMEOUT_MS, () => {
      this.#isSyncing = false
      if (this.#device.disk.pending(null, 1).length > 0) this.#device.after(BACK_OFF_MS, () => this.sync())
      this.#device.leasing.settle()
    })
  }

  /** Sends what is pending, all of it or that of one ticket, until it is done or the server is not heard. */
  flush(no: number | null, timeoutMs: number, then: () => void): void {
    const run = () => {
      this.#isBusy = true
      this.#send(no, timeoutMs, () => {
        this.#isBusy = false
        this.#waiting.shift()?.()
        then()
      })
    }
    if (this.#isBusy) this.#waiting.push(run)
    else run()
  }

  #send(no: number | null, timeoutMs: number, done: () => void): void {
    const device = this.#device
    const { around } = device
    const scans = device.disk.pending(no, around.evening.batch)
    if (scans.length === 0) {
      done()
      return
    }
    const items = scans.map((scan) => itemOf(device, scan))
    let isOver = false
    const timer = device.after(timeoutMs, () => {
      isOver = true
      device.heard(false)
      if (around.broken === 'pendingUntilAnswered') for (const scan of scans) this.#settle(scan, null)
      done()
    })
    around.way.send<SyncOutcome[]>(
      device,
      (answer) => around.way.server.sync(items, answer),
      (outcomes) => {
        if (isOver) return
        isOver = true
        timer.isOff = true
        device.heard(true)
        device.write(
          () => {
            for (const [i, scan] of scans.entries()) this.#settle(scan, outcomes[i]?.recorded?.seq ?? null)
          },
          () => this.#send(no, timeoutMs, done),
        )
      },
    )
  }

  #settle(scan: Kept, seq: number | null): void {
    this.#device.disk.change(scan, { state: 'answered', seq })
  }
}

function itemOf(device: Device, scan: Kept): SyncedScan {
  const ask = askOf(device, scan)
  const { broken } = device.around
  return {
    ask: {
      ...ask,
      scanId: broken === 'sameId' ? (`f${ask.scanId.slice(1)}` as ScanId) : ask.scanId,
      people: broken === 'countsPeople' ? 1 : ask.people,
    },
    shown: shownOf(scan.verdict as KeptVerdict),
    invalid: null,
    scannedAt: scan.at,
    clock: scan.clock === null ? 'wall' : 'anchored',
    sequence: scan.sequence,
  }
}

/** A refusal for lack of a network is none that the Gatekeeper knows. */
function shownOf(verdict: KeptVerdict): ShownAlone {
  if (verdict.kind !== 'refused') return { kind: verdict.kind }
  return { kind: 'refused', code: verdict.code === 'no_network' ? null : (verdict.code as RefusalReason) }
}
