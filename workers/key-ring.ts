import { type KeyRing, readKeyRing } from '../core/key-ring.ts'
import type { Env } from './env.ts'

let kept: { current: string; previous: string; ring: KeyRing } | null = null

/** The secrets that keys are derived from now. Which they are changes with a deployment only. */
export function ringOf({
  TICKET_KEY: current,
  TICKET_KEY_PREVIOUS: previous = '',
}: Pick<Env, 'TICKET_KEY' | 'TICKET_KEY_PREVIOUS'>): KeyRing {
  if (kept?.current !== current || kept.previous !== previous) {
    kept = { current, previous, ring: readKeyRing(current, previous) }
  }
  return kept.ring
}
