import { styleText } from 'node:util'

type Gate = { gateId: string; gateName: string }
type Booking = { userName?: string | null; ticketType?: string | null; id?: string | null } | null

export type Admission = {
  success: true
  verdict: 'admitted' | 'exited' | 'visited'
  message: string
  replay?: boolean
  data: {
    booking?: Booking
    scan: Gate & { scannedAt: string; zone?: string; admitted?: number; remaining?: number; notes?: string[] }
  }
}

export type RefusedScan = {
  success: false
  verdict: 'refused'
  code: string
  error: string
  message: string
  replay?: boolean
  data?: {
    booking?: Booking
    originalScan?: (Gate & { scannedAt: string; staffId?: string | null }) | null
    duplicateAttemptNumber?: number
    useGates?: Gate[]
    revokedAt?: string
    reason?: string
    validFrom?: string
    validUntil?: string
    notBefore?: string
    limit?: number
    capacity?: number
    inside?: number
    notes?: string[]
  }
}

/** Takes the server's answer to a scan; gives it as a steward would want to read it. */
export function inWords(answer: Admission | RefusedScan): string {
  const title = answer.success
    ? styleText(['bold', 'green'], answer.verdict.toUpperCase())
    : styleText(['bold', 'red'], 'REFUSED')
  const facts = answer.success ? factsOf(answer) : refusalFacts(answer)
  const lines = facts.flatMap(([name, value]) => (value ? [`  ${name.padEnd(8)} ${value}`] : []))
  const summary = answer.success ? answer.message : `${answer.error}: ${answer.message}`
  return [`${title}  ${summary}${answer.replay ? ' (the answer given before)' : ''}`, ...lines].join('\n')
}

type Fact = [name: string, value: string | null | undefined]

function factsOf({ data: { booking, scan } }: Admission): Fact[] {
  return [
    ...holderFacts(booking),
    ['People', (scan.admitted ?? 0) > 1 || scan.remaining ? `${scan.admitted} now, ${scan.remaining} to come` : null],
    ['Where', gateName(scan)],
    ['When', time(scan.scannedAt)],
    ['Note', scan.notes?.join('; ')],
  ]
}

function refusalFacts({ data = {} }: RefusedScan): Fact[] {
  const { originalScan: first, useGates, duplicateAttemptNumber: number } = data
  return [
    ...holderFacts(data.booking),
    ['First', first && `${time(first.scannedAt)} at ${gateName(first)}${first.staffId ? `, by ${first.staffId}` : ''}`],
    ['This', number && `was presentation number ${number}`],
    ['Revoked', data.revokedAt && [time(data.revokedAt), data.reason].filter(Boolean).join(': ')],
    ['From', data.validFrom && time(data.validFrom)],
    ['Until', data.validUntil && time(data.validUntil)],
    ['Not till', data.notBefore && time(data.notBefore)],
    ['Limit', data.limit?.toString()],
    ['Inside', data.capacity && `${data.inside} of ${data.capacity}`],
    ['Go to', useGates?.map(gateName).join(' or ')],
    ['Note', data.notes?.join('; ')],
  ].map(([name, value]) => [name, value || null] as Fact)
}

function holderFacts(booking: Booking | undefined): Fact[] {
  return [
    ['Who', booking?.userName],
    ['Ticket', booking?.ticketType],
    ['Booking', booking?.id],
  ]
}

function gateName({ gateName, gateId }: Gate): string {
  return gateName && gateName !== gateId ? `${gateName} (${gateId})` : gateId
}

function time(instant: string): string {
  return new Date(instant).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}
