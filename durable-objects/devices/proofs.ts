import type { DeviceId } from '../../core/ids.ts'
import { SIGNATURE_WINDOW_MS } from '../../core/request-signature.ts'
import type { Proof } from '../actor.ts'

/** A device asks a few times a second at most. One that asks so much more loses count of what it said first. */
const MOST_OF_ONE = 5000

/**
 * Which signed requests were seen, for as long as their time is good. In memory only: nothing is written for it. An object
 * that was evicted has forgotten them, and then a request may be repeated within the window; what it could do twice is
 * nothing, since whatever changes something names itself by a `scanId` or is the same done again.
 */
export class Proofs {
  readonly #seen = new Map<DeviceId, Map<string, { requestId: string; until: number }>>()

  /** Whether a request shows that it is this device's own, and for the first time. One request asks more than once. */
  takes(deviceId: DeviceId, key: string | null, proof: Proof | undefined, at: number): 'yes' | 'unsigned' | 'repeated' {
    if (key === null || proof?.by === 'socket') return 'yes'
    // Signed with another key: the device has enrolled anew since its staff token was made.
    if (proof?.key !== key) return 'unsigned'
    const seen = this.#of(deviceId, at)
    const before = seen.get(proof.nonce)
    if (before) return before.requestId === proof.requestId ? 'yes' : 'repeated'
    seen.set(proof.nonce, { requestId: proof.requestId, until: proof.createdAt + SIGNATURE_WINDOW_MS })
    if (seen.size > MOST_OF_ONE) seen.delete(seen.keys().next().value as string)
    return 'yes'
  }

  #of(deviceId: DeviceId, at: number): Map<string, { requestId: string; until: number }> {
    const seen = this.#seen.get(deviceId) ?? new Map()
    this.#seen.set(deviceId, seen)
    // In the order they came, which is nearly that of their time.
    for (const [nonce, { until }] of seen) {
      if (until >= at) break
      seen.delete(nonce)
    }
    return seen
  }
}
