import type { WalkInRequest } from '../../core/device-messages.ts'
import type { TicketType } from '../../core/event.ts'
import {
  bytesToUuid,
  type DeviceId,
  type GateId,
  type ScanId,
  type StaffId,
  type TicketId,
  uuidToBytes,
} from '../../core/ids.ts'
import type { Devices } from '../devices/devices.ts'
import type { Configuration } from '../event/configuration.ts'

/** A sale at the door. Amounts are minor units of the currency, for all the people together. */
export type Sale = {
  ticketId: TicketId
  method: 'cash' | 'card' | 'free'
  amount: number
  currency: string | null
  admitted: boolean
  fingerprint: Uint8Array
}

/** What was taken by one member of staff at one gate, by one method and in one currency. */
export type TillLine = {
  staffId: StaffId | null
  gateId: GateId | null
  method: string
  currency: string | null
  sales: number
  people: number
  amount: number
}

/** The payments taken at the door. They are kept beside the tickets and never changed. */
export class Sales {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #devices: Devices

  constructor(sql: SqlStorage, configuration: Configuration, devices: Devices) {
    this.#sql = sql
    this.#configuration = configuration
    this.#devices = devices
  }

  known(scanId: ScanId): Sale | null {
    const row = this.#sql
      .exec<{
        ticket: ArrayBuffer
        method: Sale['method']
        amount: number
        currency: string | null
        admitted: number
        fingerprint: ArrayBuffer
      }>('SELECT * FROM sale WHERE scan = ?', uuidToBytes(scanId))
      .toArray()[0]
    if (!row) return null
    return {
      ticketId: bytesToUuid<TicketId>(new Uint8Array(row.ticket)),
      method: row.method,
      amount: row.amount,
      currency: row.currency,
      admitted: row.admitted === 1,
      fingerprint: new Uint8Array(row.fingerprint),
    }
  }

  add(
    scanId: ScanId,
    sale: Sale,
    at: { gateId: GateId; staffId: StaffId | null; deviceId: DeviceId | null; people: number; soldAt: number },
  ): void {
    const { gates, staff } = this.#configuration
    this.#sql.exec(
      `INSERT INTO sale (scan, ticket, method, amount, currency, people, gate, staff, device, sold_at, admitted, fingerprint)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      uuidToBytes(scanId),
      uuidToBytes(sale.ticketId),
      sale.method,
      sale.amount,
      sale.currency,
      at.people,
      gates.numberOf(at.gateId) ?? 0,
      at.staffId === null ? null : (staff.numberOf(at.staffId) ?? null),
      at.deviceId === null ? null : (this.#devices.get(at.deviceId)?.no ?? null),
      at.soldAt,
      sale.admitted ? 1 : 0,
      sale.fingerprint,
    )
  }

  /** What should be in each till. */
  till(): TillLine[] {
    return this.#sql
      .exec<{
        staff: number | null
        gate: number
        method: string
        currency: string | null
        sales: number
        people: number
        amount: number
      }>(
        `SELECT staff, gate, method, currency, count(*) AS sales, sum(people) AS people, sum(amount) AS amount
         FROM sale GROUP BY staff, gate, method, currency ORDER BY staff, gate, method, currency`,
      )
      .toArray()
      .map(({ staff, gate, ...line }) => ({
        staffId: staff === null ? null : (this.#configuration.staff.byNumber(staff)?.id ?? null),
        gateId: this.#configuration.gates.byNumber(gate)?.id ?? null,
        ...line,
      }))
  }
}

/**
 * Takes what was paid and the type's price; gives the amount for all the people and its currency, or what is missing.
 * Free is nothing; otherwise what was said counts, and without that the price.
 */
export function amountOf(
  { payment, people }: Pick<WalkInRequest, 'payment' | 'people'>,
  { price }: Pick<TicketType, 'price'>,
): { amount: number; currency: string | null } | { field: string; message: string } {
  if (payment.method === 'free') return { amount: 0, currency: null }
  const amount = payment.amount ?? (price === null ? null : price.amount * people)
  const currency = payment.currency ?? price?.currency ?? null
  if (amount === null) return { field: 'payment.amount', message: 'is needed, since the ticket type has no price' }
  if (currency === null) return { field: 'payment.currency', message: 'is needed, since the ticket type has none' }
  return { amount, currency }
}
