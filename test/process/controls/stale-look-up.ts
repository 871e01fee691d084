import type { Standing } from '../../../core/standing.ts'
import { Standings } from '../../../durable-objects/scans/standings.ts'

export { Gatekeeper } from '../../../durable-objects/gatekeeper.ts'
export { default } from '../../../workers/index.ts'

/** So long a scan waits between its look and its write. */
const WAIT_MS = 25

/**
 * A Gatekeeper with one fault: it awaits something between looking a ticket up and writing. What it judges by is so the
 * standing of a moment ago, and two scans of one ticket within that moment both find nobody inside.
 */
const { get, put } = Standings.prototype
const before = new Map<string, { standing: Standing; until: number }>()

Standings.prototype.put = function (ticket, zone, standing) {
  before.set(`${ticket} ${zone}`, { standing: get.call(this, ticket, zone), until: Date.now() + WAIT_MS })
  put.call(this, ticket, zone, standing)
}

Standings.prototype.get = function (ticket, zone) {
  const stale = before.get(`${ticket} ${zone}`)
  return stale && Date.now() < stale.until ? stale.standing : get.call(this, ticket, zone)
}
