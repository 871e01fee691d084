/*
 * What the API answers with, as far as several screens read it. Instants are ISO 8601 texts, as on the wire.
 */

import type { Forgetting, Retention } from '../../core/retention.ts'

export type { WireEntry as Entry } from '../../core/wire-entry.ts'

export type EventItem = {
  id: string
  organisationId: string
  title: string
  startsAt: string
  endsAt: string
  timezone: string
  location: string | null
  capacity: number | null
  rehearsalOf: string | null
  createdAt: string
  closedAt: string | null
}

export type Zone = {
  id: string
  name: string
  capacity: number | null
  reentry: 'none' | 'after_exit' | 'unlimited'
  everyoneOutAt: string | null
}

export type EventDetails = EventItem & {
  zones: Zone[]
  policy: {
    offline: 'admit' | 'strict' | 'never'
    aloneHours: number
    full: 'stop' | 'warn'
    maxEntries: number | null
    entriesPerDay: number | null
    minMinutesBetween: number | null
    rotatingCodes: boolean
  }
  limits: Record<string, number>
  /** Days after the end, and when it was done. */
  retention: Retention
  forgotten: Record<Forgetting, string | null>
}

export type Device = {
  id: string
  name: string
  type: string
  staffId: string
  staffName: string
  gateId: string | null
  enrolledAt: string
  revokedAt: string | null
  blockedUntil: string | null
  connected: boolean
  lastSeenAt: string | null
  pendingScans: number | null
  clockSkewMs: number | null
  appVersion: string | null
  readyOffline: boolean | null
  snapshotAt: string | null
  battery: number | null
}
