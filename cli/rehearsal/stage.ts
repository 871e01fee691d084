import { setTimeout as sleep } from 'node:timers/promises'
import type { Gate, Policy, TicketType, Zone } from '../../core/event.ts'
import type { ZoneId } from '../../core/ids.ts'
import { type Api, connect, listWhole, NoAnswer, Refusal } from '../api.ts'
import type { Connection } from '../connection.ts'
import { patiently } from './patiently.ts'
import type { Plan, Sold } from './plan.ts'

/** The event as far as a copy of it needs to be known. */
export type Original = { title: string; rules: Rules; gates: Gate[]; sold: Sold[] }

/** What the event lets happen. */
export type Rules = { offline: Policy['offline']; mayComeAgain: (zone: ZoneId) => boolean }

/** A scanner at the copy. */
export type Scanner = { deviceId: string; api: Api; gate: Gate }

/** A nameless ticket of the copy. */
export type TrialTicket = { id: string; qr_token: string; type: Sold }

/** So many calls at once while the stage is set. */
const AT_ONCE = 8
/** As many as the server issues in one call. */
const BATCH = 200

export async function lookAt(api: Api, eventId: string): Promise<Original> {
  const id = encodeURIComponent(eventId)
  type Summary = { data: { types: { id: string; tickets: number }[] } }
  const [event, gates, types, summary] = await Promise.all([
    api.get<{ data: { event: { title: string; policy: Policy; zones: Zone[] } } }>(`/api/events/${id}`),
    listWhole<Gate>(api, `/api/events/${id}/gates`),
    listWhole<TicketType>(api, `/api/events/${id}/ticket-types`),
    api.get<Summary>(`/api/hp-scanner/summary/${id}`),
  ])
  const issued = new Map(summary.data.types.map((type) => [type.id, type.tickets]))
  const { title, policy, zones } = event.data.event
  const open = zones.filter(({ reentry }) => reentry === 'unlimited').map((zone) => zone.id)
  const rules = { offline: policy.offline, mayComeAgain: (zone: ZoneId) => open.includes(zone) }
  const sold = types.map((type) => ({ ...type, tickets: issued.get(type.id) ?? 0 }))
  return { title, rules, gates, sold }
}

/** A copy of an event, with what is needed to scan there. Whoever makes one must `strike` it. */
export class Stage {
  readonly api: Api
  readonly connection: Connection
  readonly #original: string

  private constructor(api: Api, connection: Connection, original: string) {
    this.api = api
    this.connection = connection
    this.#original = original
  }

  static async make(api: Api, connection: Connection): Promise<Stage> {
    const original = `/api/events/${encodeURIComponent(connection.eventId)}/rehearsals`
    const { data } = await api.post<{ data: { event: { id: string } } }>(original, {})
    return new Stage(api, { ...connection, eventId: data.event.id }, `${original}/${data.event.id}`)
  }

  get path(): string {
    return `/api/events/${this.connection.eventId}`
  }

  /** Issues as many tickets of each type as people will come with. */
  async issue(wanted: Plan['tickets'], told: (count: number) => void): Promise<Map<Sold, TrialTicket[]>> {
    const batches = [...wanted].flatMap(([type, count]) =>
      Array.from({ length: Math.ceil(count / BATCH) }, (_, i) => ({ type, count: Math.min(BATCH, count - i * BATCH) })),
    )
    const issued = new Map<Sold, TrialTicket[]>([...wanted].map(([type]) => [type, []]))
    await inParallel(batches, 2, async ({ type, count }) => {
      type Issued = { data: { tickets: { id: string; qr_token: string }[] } }
      const { data } = await this.api.post<Issued>(`${this.#original}/tickets`, { type: type.id, count })
      issued.get(type)?.push(...data.tickets.map((ticket) => ({ ...ticket, type })))
      told(data.tickets.length)
    })
    return issued
  }

  /** Enrols devices, in turn for each gate. */
  async enrol(count: number, gates: Gate[], told: () => void, stop: AbortSignal): Promise<Scanner[]> {
    await this.api.put(`${this.path}/staff/rehearsal`, { name: 'Rehearsal', role: 'scanner' })
    return inParallel([...Array(count).keys()], AT_ONCE, async (i) => {
      const gate = gates[i % gates.length] as Gate
      const invited = await patiently(
        () =>
          this.api.post<{ data: { code: string } }>(`${this.path}/enrolments`, {
            staffId: 'rehearsal',
            gateId: gate.id,
          }),
        stop,
      )
      type Enrolled = { data: { deviceId: string; staffToken: string } }
      const body = { code: invited.data.code, deviceName: `Rehearsal ${i + 1}`, deviceType: 'handheld' }
      const { url } = this.connection
      const { data } = await patiently(() => connect(url, null).post<Enrolled>('/api/devices/enrol', body), stop)
      told()
      return { deviceId: data.deviceId, api: connect(url, data.staffToken), gate }
    })
  }

  /** Takes the copy away. Asked again where the answer was lost: what is gone already is as good. */
  async strike(): Promise<void> {
    for (let tryNumber = 1; ; tryNumber++) {
      try {
        await this.api.delete(this.#original)
        return
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return
        if (!(error instanceof NoAnswer) || tryNumber === 5) throw error
        await sleep(500 * tryNumber)
      }
    }
  }
}

async function inParallel<T, R>(items: T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const left = items.entries()
  const worker = async () => {
    for (const [i, item] of left) results[i] = await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
