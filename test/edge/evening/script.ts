/*
 * A scripted evening: some two thousand scans that are known beforehand, and what each must come to, told by a model that
 * knows nothing of the code it is held against. It keeps a list of what happened, and every number is a sum over that list.
 */

export const start = Date.UTC(2026, 6, 10, 16, 20)
export const MINUTE = 60_000
export const minutes = 100
export const end = start + minutes * MINUTE - MINUTE / 2
export const capacityOfLounge = 25

export type TypeId = 'standard' | 'vip' | 'party'
type State = 'good' | 'unpaid' | 'blocked' | 'revoked' | 'too_early' | 'too_late'
export type Staff = 'sam' | 'tom' | 'sue'
export type Verdict = 'admitted' | 'exited' | 'visited' | 'refused'
type Zone = 'main' | 'lounge' | 'stall'

export type Ticket = {
  no: number
  type: TypeId
  admits: number
  state: State
  /** In which order people of it went in and out, by zone; what was taken back is not in it. */
  moves: { row: Row; change: number }[]
}

/** One line that must be in the log. */
export type Row = {
  scanId: string
  ticket: Ticket | null
  gate: Gate
  staff: Staff
  device: number
  people: number
  at: number
  verdict: Verdict
  code: string | null
  forced: boolean
  offline: boolean
  annulled: boolean
}

export type Gate = 'G1' | 'G2' | 'G3' | 'EXIT' | 'LOUNGE' | 'STALL'
export const zoneOf: Record<Gate, Zone> = {
  G1: 'main',
  G2: 'main',
  G3: 'main',
  EXIT: 'main',
  LOUNGE: 'lounge',
  STALL: 'stall',
}

/** What somebody does at the doors. */
export type Action =
  | { do: 'scan'; row: Row; how: 'code' | 'name' | 'force' }
  | { do: 'sell'; row: Row; method: 'cash' | 'card' | 'free' }
  | { do: 'annul'; row: Row }
  | { do: 'again'; row: Row }
  | { do: 'forge'; device: number; gate: Gate }
  | { do: 'start' | 'end'; shift: Shift }

export type Shift = { device: number; scans: number; admitted: number; startedAt: number; endedAt: number | null }
export type Sale = { row: Row; method: 'cash' | 'card' | 'free' }

/** What a device did that was cut off, and what the Gatekeeper says to that. */
export type Alone = { row: Row; outcome: 'ok' | 'duplicate' | 'conflict' | 'refused' }

export const devices: Staff[] = ['sam', 'sam', 'tom', 'sue']
const SUE = 3
const TOM = 2

export function codeOf({ no }: Ticket): string {
  return `EVENING-${String(no).padStart(5, '0')}`
}

/** A whole evening by a seed: what is done in each minute, in any order but where `inOrder`, and what comes of it. */
export function writeEvening(seed: number) {
  const random = randomOf(seed)
  const below = (n: number) => Math.floor(random() * n)
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const id = () => {
    const hex = Array.from({ length: 32 }, () => below(16).toString(16)).join('')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  const tickets: Ticket[] = []
  const rows: Row[] = []
  const sales: Sale[] = []
  const shifts: Shift[] = []
  const make = (count: number, type: TypeId, state: State = 'good'): Ticket[] => {
    const made = Array.from({ length: count }, (_, i): Ticket => {
      return { no: tickets.length + i, type, admits: type === 'party' ? 4 : 1, state, moves: [] }
    })
    tickets.push(...made)
    return made
  }
  const crowd = [...make(560, 'standard'), ...make(80, 'vip'), ...make(40, 'party')]
  const cutOff = make(90, 'standard')
  const twice = make(20, 'standard')
  const seenAlone = make(15, 'vip')
  const bad = (['unpaid', 'blocked', 'revoked', 'too_early', 'too_late'] as const).flatMap((state) =>
    make(8, 'standard', state),
  )
  const issued = [...tickets]

  const insideOf = (ticket: Ticket, zone: Zone) => inside(ticket.moves, zone)
  const inLounge = () => tickets.reduce((sum, ticket) => sum + insideOf(ticket, 'lounge'), 0)

  const write = (
    at: number,
    device: number,
    gate: Gate,
    ticket: Ticket | null,
    what: Partial<Row> & Pick<Row, 'verdict'>,
  ): Row => {
    const row: Row = {
      scanId: id(),
      ticket,
      gate,
      staff: devices[device] as Staff,
      device,
      people: 1,
      at,
      code: null,
      forced: false,
      offline: false,
      annulled: false,
      ...what,
    }
    rows.push(row)
    if (ticket && row.verdict === 'admitted') ticket.moves.push({ row, change: row.people })
    if (ticket && row.verdict === 'exited') ticket.moves.push({ row, change: -row.people })
    const shift = shifts.find((one) => one.device === device && one.endedAt === null)
    if (shift) {
      shift.scans += 1
      if (row.verdict === 'admitted') shift.admitted += row.people
    }
    return row
  }
  const refused = (code: string) => ({ verdict: 'refused', code }) as const

  /** What the rules of the door say to an entry. */
  const judged = (ticket: Ticket, gate: Gate, people: number): { verdict: Verdict; code: string | null } => {
    if (ticket.state !== 'good') return refused(ticket.state)
    if (gate === 'STALL') return { verdict: 'visited', code: null }
    if (gate === 'LOUNGE') {
      if (ticket.type !== 'vip') return refused('wrong_gate')
      if (ticket.moves.some(({ row }) => row.gate === 'LOUNGE')) return refused('already_admitted')
      return inLounge() + people > capacityOfLounge ? refused('full') : { verdict: 'admitted', code: null }
    }
    const left = ticket.admits - insideOf(ticket, 'main')
    if (left <= 0) return refused('already_admitted')
    return people > left ? refused('limit_reached') : { verdict: 'admitted', code: null }
  }

  const plan: { at: number; actions: Action[]; inOrder: Action[] }[] = []
  for (let minute = 0; minute < minutes; minute++) {
    const at = start + minute * MINUTE
    const actions: Action[] = []
    const inOrder: Action[] = []
    const busy = new Set<Ticket>()
    const take = (from: readonly Ticket[]): Ticket | null => {
      const free = from.filter((ticket) => !busy.has(ticket))
      if (free.length === 0) return null
      const ticket = one(free)
      busy.add(ticket)
      return ticket
    }
    const enter = (ticket: Ticket, gate: Gate, how: 'code' | 'name' | 'force' = 'code', device = below(3)): Action => {
      const people = ticket.type === 'party' && gate !== 'STALL' ? 1 + below(3) : 1
      const by = how === 'code' ? device : SUE
      const { verdict, code } = judged(ticket, gate, people)
      const outcome =
        how === 'force' ? { verdict: 'admitted' as const, code: null, forced: code !== null } : { verdict, code }
      return { do: 'scan', how, row: write(at, by, gate, ticket, { people, ...outcome }) }
    }

    for (const shift of shifts) {
      if (minute !== 50 || shift.endedAt !== null || shift.device !== 0) continue
      shift.endedAt = at
      actions.push({ do: 'end', shift })
    }
    if (minute === 0 || minute === 10 || minute === 51) {
      const shift: Shift = { device: minute === 10 ? SUE : 0, scans: 0, admitted: 0, startedAt: at, endedAt: null }
      shifts.push(shift)
      actions.push({ do: 'start', shift })
    }
    // Shifts begin and end before anybody is scanned.
    plan.push({ at, actions: [], inOrder: actions.splice(0) })

    if (minute === 5) {
      for (const ticket of [...twice, ...seenAlone]) actions.push(enter(ticket, one(['G1', 'G2', 'G3'])))
    }
    for (let n = 0; n < 20; n++) {
      const dice = random()
      const gate = one(['G1', 'G2', 'G3'] as const)
      if (dice < 0.5) {
        const ticket = take(random() < 0.12 ? bad : crowd)
        if (ticket) actions.push(enter(ticket, gate))
      } else if (dice < 0.62) {
        const ticket = take(crowd)
        const by = below(3)
        if (ticket) actions.push({ do: 'scan', how: 'code', row: write(at, by, 'EXIT', ticket, { verdict: 'exited' }) })
      } else if (dice < 0.7) {
        const ticket = take(crowd.filter(({ type }) => type === 'vip'))
        if (ticket) inOrder.push(enter(ticket, 'LOUNGE'))
      } else if (dice < 0.74) {
        const ticket = take(crowd.filter(({ type }) => type === 'standard'))
        if (ticket) actions.push(enter(ticket, 'LOUNGE'))
      } else if (dice < 0.78) {
        actions.push({ do: 'scan', how: 'code', row: write(at, below(3), gate, null, refused('unknown')) })
      } else if (dice < 0.84) {
        const ticket = take(random() < 0.2 ? bad : crowd)
        if (ticket) actions.push(enter(ticket, 'STALL'))
      } else if (dice < 0.87) {
        const ticket = take([...bad, ...crowd])
        if (ticket) actions.push(enter(ticket, gate, 'force'))
      } else if (dice < 0.9) {
        const ticket = take(crowd)
        if (ticket) actions.push(enter(ticket, gate, 'name'))
      } else if (dice < 0.93) {
        const people = 1 + below(2)
        const ticket: Ticket = { no: tickets.length, type: 'standard', admits: people, state: 'good', moves: [] }
        tickets.push(ticket)
        const row = write(at, below(3), gate, ticket, { verdict: 'admitted', people })
        const sale: Sale = { row, method: one(['cash', 'card', 'free']) }
        sales.push(sale)
        actions.push({ do: 'sell', ...sale })
      } else if (dice < 0.96) {
        const row = one(
          rows.filter((one) => one.verdict === 'admitted' && !one.annulled && !one.offline && one.at < at),
        )
        // The reserved ones stay as they are.
        if (!row?.ticket || busy.has(row.ticket) || twice.includes(row.ticket) || seenAlone.includes(row.ticket))
          continue
        busy.add(row.ticket)
        row.annulled = true
        row.ticket.moves = row.ticket.moves.filter((move) => move.row !== row)
        const shift = shifts.find((one) => one.device === row.device && one.endedAt === null)
        if (shift) shift.admitted -= row.people
        inOrder.push({ do: 'annul', row })
      } else if (dice < 0.98) {
        const row = one(rows.filter((one) => !one.offline && one.at < at && !sales.some((sale) => sale.row === one)))
        if (row) actions.push({ do: 'again', row })
      } else {
        actions.push({ do: 'forge', device: below(3), gate })
      }
    }
    plan.push({ at, actions, inOrder })
  }

  // Tom is alone from minute 30 to 49, and back in the last minute.
  const alone: Alone[] = []
  const then = () => start + 30 * MINUTE + below(20 * MINUTE)
  const offline = { offline: true } as const
  for (const ticket of cutOff) {
    const at = then()
    const row = write(at, TOM, one(['G1', 'G2', 'G3']), ticket, { verdict: 'admitted', ...offline })
    alone.push({ row, outcome: 'ok' })
    if (random() < 0.2) {
      const left = write(at + 1 + below(MINUTE), TOM, 'EXIT', ticket, { verdict: 'exited', ...offline })
      alone.push({ row: left, outcome: 'ok' })
    }
  }
  for (const ticket of twice) {
    alone.push({ row: write(then(), TOM, 'G1', ticket, { verdict: 'admitted', ...offline }), outcome: 'conflict' })
  }
  for (const ticket of seenAlone) {
    const row = write(then(), TOM, 'G2', ticket, { ...refused('already_admitted'), ...offline })
    alone.push({ row, outcome: 'duplicate' })
  }
  for (let n = 0; n < 5; n++) {
    alone.push({ row: write(then(), TOM, 'G3', null, { ...refused('unknown'), ...offline }), outcome: 'refused' })
  }
  return { issued, tickets, rows, sales, shifts, plan, alone }
}

export type Evening = ReturnType<typeof writeEvening>

/** Who is inside a zone after these moves; nobody leaves who was not there. */
export function inside(moves: Ticket['moves'], zone: Zone): number {
  return moves
    .filter(({ row }) => zoneOf[row.gate] === zone)
    .toSorted((a, b) => a.row.at - b.row.at)
    .reduce((people, { change }) => Math.max(0, people + change), 0)
}

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function iso(at: number): string {
  return new Date(at).toISOString()
}
