import type { Gate, TicketType } from '../../core/event.ts'
import { admitsType } from '../../core/gate.ts'

/** What people at a rehearsal do: so many devices, so many scans a second when it is busiest, for so many minutes. */
export type Wish = { devices: number; perSecond: number; minutes: number }

/** A ticket type as far as a crowd comes with it, and how many tickets of it the event has. */
export type Sold = Pick<TicketType, 'id' | 'name' | 'admits' | 'zones' | 'capacity'> & { tickets: number }

/** Somebody who comes to a device at a time, counted from the beginning. */
export type Arrival = { atMs: number; device: number; act: Act }
export type Act =
  | { kind: 'first'; type: Sold; gate: Gate }
  /** Somebody shows a code that was shown before. */
  | { kind: 'again' }
  | { kind: 'forged' }
  | { kind: 'exit'; gate: Gate }

/** Devices that are cut off for a while, and from when until when. */
export type Cut = { devices: ReadonlySet<number>; fromMs: number; untilMs: number }

export type Plan = { arrivals: Arrival[]; cut: Cut; wayIn: Gate[]; tickets: Map<Sold, number> }

const AGAIN = 0.04
const FORGED = 0.01
const EXIT = 0.05
/** More would have a device blocked for them, as it should be. */
const MOST_FORGED = 10

/**
 * Plans an evening in short: few at first, then many for half of the time, then few again. One in a hundred shows a
 * forged code, one in 25 a code that was shown before; a fifth of the devices is cut off in the middle of it.
 */
export function plan(wish: Wish, gates: Gate[], sold: Sold[], random: () => number): Plan {
  const wayIn = gates.filter((gate) => sold.some((type) => type.tickets > 0 && takes(gate, type)))
  const wayOut = gates.filter(({ kind, zone }) => kind === 'exit' && wayIn.some((gate) => gate.zone === zone))
  const gateOf = (device: number) => wayIn[device % wayIn.length] as Gate
  const devices = [...Array(wayIn.length === 0 ? 0 : wish.devices).keys()]
  const doorsOf = new Map(sold.map((type) => [type, devices.filter((device) => takes(gateOf(device), type))]))
  const types = sold.filter((type) => doorsOf.get(type)?.length)
  const left = new Map(types.map((type) => [type, type.tickets]))
  const tickets = new Map<Sold, number>(types.map((type) => [type, 0]))
  const forged: number[] = []
  const arrivals = timesOf(wish, random).map((atMs, i): Arrival => {
    const chance = random()
    const anywhere = i % wish.devices
    const out = wayOut[Math.floor(random() * wayOut.length)]
    const type = pick(types, left, random)
    const forgeries = forged[anywhere] ?? 0
    if (chance < FORGED && forgeries < MOST_FORGED) {
      forged[anywhere] = forgeries + 1
      return { atMs, device: anywhere, act: { kind: 'forged' } }
    }
    if (chance < FORGED + EXIT && out) return { atMs, device: anywhere, act: { kind: 'exit', gate: out } }
    if (chance < FORGED + EXIT + AGAIN || !type) return { atMs, device: anywhere, act: { kind: 'again' } }
    const number = tickets.get(type) ?? 0
    tickets.set(type, number + 1)
    left.set(type, (left.get(type) ?? 0) - 1)
    const doors = doorsOf.get(type) ?? []
    const device = doors[number % doors.length] ?? anywhere
    return { atMs, device, act: { kind: 'first', type, gate: gateOf(device) } }
  })
  return { arrivals, cut: cutOf(wish), wayIn, tickets }
}

/** Whether people with this type come in at this gate. */
function takes(gate: Gate, type: Sold): boolean {
  return (gate.kind === 'entry' || gate.kind === 'both') && admitsType(gate, type)
}

/** One of the types, each as often as tickets of it are left. */
function pick(types: Sold[], left: Map<Sold, number>, random: () => number): Sold | undefined {
  let place = random() * types.reduce((sum, type) => sum + (left.get(type) ?? 0), 0)
  return types.find((type) => {
    place -= left.get(type) ?? 0
    return place < 0
  })
}

/** When people come, in order: as often as the curve says at each moment, never quite evenly. */
function timesOf({ perSecond, minutes }: Wish, random: () => number): number[] {
  const endMs = minutes * 60_000
  const times: number[] = []
  for (let atMs = 0; ; ) {
    const rate = perSecond * Math.max(0.2, curve(atMs / endMs))
    atMs += (1000 / rate) * (0.5 + random())
    if (atMs >= endMs) return times
    times.push(atMs)
  }
}

/** How busy it is, from 0 to 1, at a share of the time. */
export function curve(share: number): number {
  return Math.min(1, 4 * share, 4 * (1 - share))
}

function cutOf({ devices, minutes }: Wish): Cut {
  const count = devices < 2 ? 0 : Math.max(1, Math.floor(devices / 5))
  const endMs = minutes * 60_000
  return {
    devices: new Set(Array.from({ length: count }, (_, i) => devices - 1 - i)),
    fromMs: 0.4 * endMs,
    untilMs: 0.6 * endMs,
  }
}
