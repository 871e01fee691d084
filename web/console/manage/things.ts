/* What the calls of the management screens answer, as far as they show it. */

import type { Entry } from '../things.ts'

export type TicketType = {
  id: string
  name: string
  admits: number
  validFrom: string | null
  validUntil: string | null
  zones: string[]
  capacity: number | null
  price: { amount: number; currency: string | null } | null
  requiresAttention: boolean
  note: string | null
}

export type Gate = { id: string; name: string; kind: string; zone: string; accepts: string[] | null }
export type Staff = { id: string; name: string; email: string | null; role: string }

export type TicketStatus = 'valid' | 'unpaid' | 'blocked' | 'revoked'

export type Standing = {
  zone: string
  entries: number
  exits: number
  inside: number
  firstAt: string | null
  lastAt: string | null
}

export type Ticket = {
  id: string
  shortCode: string
  reference: string | null
  type: string
  status: TicketStatus
  holder: { name: string | null; email: string | null }
  booking: { id: string; name: string | null; email: string | null; quantity: number | null } | null
  admits: number
  validFrom: string | null
  validUntil: string | null
  note: string | null
  requiresAttention: boolean
  url: string
  qr: { svg: string; png: string }
  standings: Standing[]
}

export type TicketWithScans = Ticket & { scans: Entry[] }

export type Job = {
  id: string
  kind: 'import' | 'warm'
  state: 'queued' | 'running' | 'done' | 'failed'
  total: number
  done: number
  failed: number
  errors: { row: number; field: string; message: string }[]
  outcome: Record<string, number>
  createdAt: string
  finishedAt: string | null
  perSecond: number
  dryRun?: boolean
  file?: {
    encoding: string
    delimiter: string
    headerLine: number
    columns: Record<string, string>
    ignored: string[]
  }
}

export type List<T> = { items: T[]; nextCursor: string | null }
