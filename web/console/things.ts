/*
 * What the API answers with, as far as several screens read it. Instants are ISO 8601 texts, as on the wire.
 */

export type EventItem = {
  id: string
  organisationId: string
  title: string
  startsAt: string
  endsAt: string
  timezone: string
  location: string | null
  capacity: number | null
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
    full: 'stop' | 'warn'
    maxEntries: number | null
    entriesPerDay: number | null
    minMinutesBetween: number | null
    rotatingCodes: boolean
  }
  limits: Record<string, number>
}

export type Entry = {
  id: string
  seq: number
  scanId: string
  ticketId: string | null
  gateId: string | null
  gateName: string | null
  zone: string
  deviceId: string | null
  staffId: string | null
  direction: string
  verdict: string
  code: string | null
  scannedAt: string
  receivedAt: string
  offline: boolean
  forced: boolean
  people: number
  duplicateAttemptNumber: number | null
  validationTime: number
  annulledAt: string | null
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
