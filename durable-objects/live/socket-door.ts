import type { Actor } from '../actor.ts'
import type { Host } from '../host.ts'
import type { Meta } from '../meta.ts'
import { type LiveAsk, refuseSocket } from './live.ts'
import { SILENCE_MS } from './watching.ts'

/** What the Worker says of a socket that is to be opened. `nonce` is a one-time ticket's, null where there was none. */
export type LiveRequest = LiveAsk & { actor: Actor; nonce: string | null }

/** A one-time ticket for a socket is good for 30 seconds; a minute is on the safe side of every clock. */
const LIVE_TICKET_MS = 60_000

/** Opens a live socket for whom the Worker has let through, which says so in a header; or says why not. */
export function openSocket({ event, live, meta, statuses, alarm }: Host, request: Request): Response {
  const at = Date.now()
  const { actor, nonce, ...ask } = JSON.parse(decodeURIComponent(request.headers.get('X-Live') ?? '')) as LiveRequest
  const parts = event.allowed(actor)
  if (!parts.ok) return refuseSocket(parts.problem)
  if (live().isFull) return refuseSocket({ code: 'rate_limited', waitMs: 60_000 })
  if (nonce !== null && !useOnce(meta, nonce, at)) return refuseSocket({ code: 'live_ticket_used' })
  if (ask.deviceId !== null) {
    statuses.seen(ask.deviceId, at)
    alarm.by(at + SILENCE_MS)
  }
  return live().open(ask, at)
}

/** Whether nobody came with this one-time ticket yet. It is forgotten when it would not be good any more. */
function useOnce(meta: Meta, nonce: string, at: number): boolean {
  const used = JSON.parse(meta.text('live_tickets') ?? '{}') as Record<string, number>
  if (Object.hasOwn(used, nonce)) return false
  const kept = Object.entries(used).filter(([, until]) => until > at)
  meta.set('live_tickets', JSON.stringify(Object.fromEntries([...kept, [nonce, at + LIVE_TICKET_MS]])))
  return true
}
