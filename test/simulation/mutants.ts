import type { Lease } from '../../core/lease.ts'
import { KnownTickets } from '../../core/snapshot-bytes.ts'
import { rowLength } from '../../core/snapshot-rows.ts'
import type { Stub } from '../../durable-objects/calling.ts'
import { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import { Conflicts } from '../../durable-objects/offline/conflicts.ts'
import { Leases } from '../../durable-objects/offline/leases.ts'
import { Snapshots } from '../../durable-objects/offline/snapshots.ts'
import type { SyncOutcome } from '../../durable-objects/offline/syncing.ts'
import { Counters } from '../../durable-objects/scans/counters.ts'
import { Judging } from '../../durable-objects/scans/judging.ts'
import { ScanLog } from '../../durable-objects/scans/scan-log.ts'
import { Standings } from '../../durable-objects/scans/standings.ts'
import { Rooms } from '../../durable-objects/shards/rooms.ts'
import { Shards } from '../../durable-objects/shards/shards.ts'
import { Turns } from '../../durable-objects/shards/turns.ts'
import type { HttpAnswer, HttpRequest, OpenSocket } from '../../web/scanner/engine/ports.ts'
import { Queue } from '../../web/scanner/engine/queue.ts'
import type { KeptScan, KeptThings, Look, Store } from '../../web/scanner/engine/store.ts'
import type { Mutation } from './run.ts'
import type { OfflinePolicy } from './scenario.ts'
import type { SqlMutation } from './sql.ts'

/** A rule taken out; `make` makes it anew for each evening. `policy` is the one under which it is missed. */
export type Mutant = {
  policy: OfflinePolicy
  make: () => Mutation
  /** Among how many objects the event is divided. */
  shards?: number
}

/*
 * Each rule that keeps a scan safe, taken out by what stands around the shipped code, or by a patch of one of its
 * functions for the time of a run. In the shipped code there is nothing to switch off. `npm run mutants` has the
 * simulation find each of them out.
 */
export const mutants: Record<string, Mutant> = {
  // On a device.

  /** R1: what is said to be written is on the disk seconds later. */
  'a scan is saved before it is shown': strict(() => ({ isStrictStore: false })),

  /** R2: the Gatekeeper is asked of a ticket while it has not heard what this device did with it alone. */
  'a ticket’s own scans go home first': strict(() => ({
    around: () => patched(Queue.prototype, 'isHome', async () => true),
  })),

  /** R3: the next scan begins while the one before is not settled. */
  'one scan at a time': strict(() => ({
    tabs: (tabs) => ({ ...tabs, alone: (name, run) => (name === 'scan' ? run() : tabs.alone(name, run)) }),
  })),

  /** R4: an exit without an answer is kept as if nobody had gone. */
  'an exit without an answer is an exit': strict(() => ({
    store: (store) => ({
      ...store,
      decide: (ticketId, decide) => store.decide(ticketId, (look) => forgetExit(decide(look))),
    }),
  })),

  /** R5: a scan goes home under another id than it was asked under. */
  'the same id whoever decides': strict(() => ({
    http: (http) => async (request) => {
      if (!request.path.endsWith('/offline-sync')) return http(request)
      const names = new Map<string, string>()
      const answer = await http(renamed(request, names))
      const text = new TextDecoder().decode(answer.bytes).replace(uuids, (id) => names.get(id) ?? id)
      return { ...answer, bytes: new TextEncoder().encode(text) }
    },
  })),

  /** The look, the decision and the write are two transactions, and a recall may come between them. */
  'a device looks and writes in one breath': strict(() => ({
    store: (store) => ({ ...store, decide: inTwoBreaths(store) }),
  })),

  /** A scan leaves the queue when it was sent, whether that was heard or not. */
  'a scan is pending until it is answered': strict(() => ({
    http: (http) => (request) =>
      request.path.endsWith('/offline-sync') ? http(request).catch(() => allTaken(request)) : http(request),
  })),

  /** What a device brings home is always one person. */
  'a group is counted in people': strict(() => ({
    http: (http) => (request) => {
      if (!request.path.endsWith('/offline-sync')) return http(request)
      const body = JSON.parse(request.body ?? '{}') as { scans: object[] }
      return http({
        ...request,
        body: JSON.stringify({ ...body, scans: body.scans.map((scan) => ({ ...scan, people: 1 })) }),
      })
    },
  })),

  /** What happened elsewhere is told to a device, which does not take it in. */
  'a device takes in what happened elsewhere': strict(() => ({
    around: () => {
      const { applyStandings } = KnownTickets.prototype
      return patched(KnownTickets.prototype, 'applyStandings', function (_, cursor) {
        applyStandings.call(this, [], cursor)
      })
    },
  })),

  /** A device is told that a ticket is revoked or blocked, and does not take it in. */
  'a device takes in what was decided': admit(() => ({
    around: () => patched(KnownTickets.prototype, 'state', () => null),
  })),

  /** A device takes the time from the clock on its own wall. */
  'a device tells the time by a clock nobody can set': admit(() => ({
    time: (time) => ({ ...time, monotonic: time.wall }),
  })),

  /** Under `never`, a device takes itself to be under `admit`. */
  'nobody is let in alone where that is the policy': {
    policy: 'never',
    make: () => ({ around: () => withPolicy('admit') }),
  },

  // The lease.

  /** A device that holds none admits alone as if all tickets were its own. */
  'only the holder admits alone': strict(() => ({
    store: (store, { gateId }) => ({ ...store, decide: asHolder(store, gateId) }),
  })),

  /** The holder says that it gave a ticket up, and did not write that down. */
  'a recall is written down': strict(() => ({ store: (store) => ({ ...store, putGone: async () => {} }) })),

  /** A lease is used before all that happened until it began is known. */
  'a lease is used once all before it is known': strict(() => ({
    around: () => {
      const { take } = Leases.prototype
      return patched(Leases.prototype, 'take', function (deviceId, generation) {
        take.call(this, deviceId, generation, '0.0.1')
      })
    },
  })),

  /** A device that gives its lease back goes on by it. */
  'a lease that ends is not used any more': strict(() => ({
    store: (store) => ({
      ...store,
      put: (name, thing) => {
        const isEnding = name === 'lease' && (thing as Lease | null)?.state === 'ending'
        return isEnding ? Promise.resolve() : store.put(name, thing)
      },
    }),
  })),

  /** A ticket of a held share is judged without asking its holder. */
  'the holder is asked first': strict(() => ({ around: () => patched(Leases.prototype, 'heldAgainst', () => null) })),

  /** A ticket counts as given up as soon as it was asked for. */
  'a ticket is given up when its holder says so': strict(() => ({
    sql: ({ query, bindings }) =>
      query.startsWith('INSERT OR REPLACE INTO recall')
        ? { query: query.replace('?, 0)', '?, 1)'), bindings }
        : { query, bindings },
  })),

  /** The share of a device that is not connected any more goes to the next one. */
  'a lease moves when it is given back': strict(() => ({ around: takeFromTheSilent })),

  /** After a crash or a sleep nobody knows who holds what. */
  'a lease is stored': strict(() => ({ sql: never('INSERT OR REPLACE INTO lease') })),

  // In the Gatekeeper.

  /** Something is awaited between the look and the write. */
  'nothing comes between the look and the write': strict(() => ({ around: lookTooEarly })),

  /** What leaves the object does not wait for the disk. */
  'an answer waits for the disk': strict(() => ({ hasOutputGate: false })),

  /** The same scan again is judged again, and written under another name. */
  'the same scan again is the same answer': admit(() => ({
    around: () => patched(ScanLog.prototype, 'known', () => null),
    sql: underOtherNames(),
  })),

  'a refusal is in the log, too': strict(() => ({
    sql: ({ query, bindings }) => {
      const isRefusal = query.startsWith('INSERT INTO entry') && String(bindings[10]).startsWith('{"kind":"refused"')
      return isRefusal ? null : { query, bindings }
    },
  })),

  'a standing is stored': strict(() => ({ sql: never('INSERT OR REPLACE INTO standing') })),

  'the log is chained': strict(() => ({
    sql: inEntry((values) => (Number(values[0]) % 40 === 0 ? values.with(20, new Uint8Array(32)) : values)),
  })),

  'a force is in the log with its reason': admit(() => ({ sql: inEntry((values) => values.with(14, null)) })),

  'a revoked or blocked ticket is refused': strict(() => ({
    around: () => {
      const { find } = Judging.prototype
      return patched(Judging.prototype, 'find', function (presented) {
        const ticket = find.call(this, presented)
        return ticket && { ...ticket, revokedAt: null, blockedAt: null }
      })
    },
  })),

  'an admission is taken back once, and counts no more': strict(() => ({ sql: never('INSERT INTO annulment') })),

  'a full place is full': strict(() => ({ around: () => patched(Counters.prototype, 'inside', () => 0) })),

  /** Somebody goes out who never came in, and somebody else may come in for it. */
  'an exit of nobody is no credit': admit(() => ({ around: creditForNothing })),

  /** What gates did alone is written down, and bears on nobody. */
  'what gates did alone bears on who may enter': admit(() => ({ around: standingsApart })),

  /** A device says that it was told of everything already. */
  'a gate hears of its conflict however late': admit(() => ({
    store: (store) => ({
      ...store,
      get: async (name) => toldOfAll(name, await store.get(name)),
    }),
  })),

  /** A device answers its own pings, and takes a socket that is torn for one on which nothing is said. */
  'a silent socket is given up': admit(() => ({ live: hearingItself })),

  /** Several conflicts are told in one breath, and each is kept beside what was there before the first. */
  'each of several conflicts is kept': admit(() => ({
    tabs: (tabs) => ({ ...tabs, alone: (name, run) => (name === 'conflicts' ? run() : tabs.alone(name, run)) }),
  })),

  /** It goes by the two scans alone, and an annulment may come long after them. */
  'a conflict is as new as what brought it about': admit(() => ({
    sql: ({ query, bindings }) => ({ query: query.replace(', brought_by) >', ', 0) >'), bindings }),
  })),

  'a conflict is kept': admit(() => ({ sql: never('INSERT INTO conflict') })),

  /** Where an answer never came and the gate did otherwise, the answer counts. */
  'what the gate did counts, not what it never heard': admit(() => ({ around: replayOnly })),

  /** Two rows of each part of a snapshot is left out. */
  'a snapshot has every standing': strict(() => ({ around: rowsLost })),

  /** What is decided moves no number, so that nobody is told of it. */
  'a decision is told': admit(() => ({
    around: () => patched(Snapshots.prototype, 'statesSince', () => []),
  })),

  'a chunk of an import is done once': admit(() => ({ sql: never('DELETE FROM job_chunk') })),

  // To D1.

  /** An alarm that is set while one is handled is lost. */
  'the alarm sets itself again': admit(() => ({ keepsAlarms: false })),

  /** The mark moves whether D1 took the entries or not. */
  'the mark moves when D1 has the entries': admit(() => ({
    d1: async (statements, send) => {
      try {
        return await send(statements)
      } catch {
        return statements.map(() => ({ results: [{ seq: statements.at(-2)?.values[3] }] }))
      }
    },
  })),

  /** Of what is told, one entry in thirty is left out. */
  'every entry goes to D1': admit(() => ({
    d1: (statements, send) =>
      send(
        statements.map((one) => {
          const [event, epoch, rows] = one.values
          if (!one.sql.startsWith('INSERT INTO entry')) return one
          const told = (JSON.parse(String(rows)) as [seq: number][]).filter(([seq]) => seq % 30 !== 0)
          return { ...one, values: [event, epoch, JSON.stringify(told)] }
        }),
      ),
  })),

  /** Sums are added to D1 each time that they are told. */
  'D1 adds up once': admit(() => ({
    d1: (statements, send) =>
      send(
        statements.map((one) => ({
          ...one,
          sql: one.sql.replace(/WHERE \(SELECT seq FROM drained .*?\) = \?3/s, 'WHERE true'),
        })),
      ),
  })),

  /** D1 has an entry under the log's number, whatever was there. */
  'an annulment reaches D1': strict(() => ({
    d1: (statements, send) => send(statements.filter(({ sql }) => !sql.startsWith('UPDATE entry SET annulled_at'))),
  })),

  // Among the objects of a divided event.

  /** The Gatekeeper forgets now and then how far it has taken in what a shard judged. */
  'what a shard judged is taken in once': divided(() => ({ sql: takenInAgain() })),

  /** Of what it hands over, a shard leaves one entry out, and takes it for told. */
  'a shard hands over all that it judged': divided(() => ({
    around: () => {
      const { handOver } = Gatekeeper.prototype
      return patched(Gatekeeper.prototype, 'handOver', function (after) {
        const logged = handOver.call(this, after)
        return logged.length < 2 ? logged : logged.filter(({ entry }) => entry.seq % 10 !== 0)
      })
    },
  })),

  /** Shards are told of a change, and nobody waits until they have heard. */
  'a change is answered when shards know of it': divided(() => ({
    around: () => {
      const { scatter } = Shards.prototype
      return patched(Shards.prototype, 'scatter', async function () {
        scatter.call(this).catch(() => {})
      })
    },
  })),

  /** A shard says what it keeps of a room, and goes on filling what it had. */
  'a shard gives back what it says that it gives back': divided(() => ({ around: givesNothingBack })),

  /** All shards are told of all tickets, and some scans go to one that another is to judge. */
  'a ticket always meets the same shard': divided(() => ({ strays: true, around: tellAllOfAll })),

  /** What a shard's entry names is taken for the Gatekeeper's own entry of that number. */
  'entries that are taken in name those of the one log': divided(() => ({
    sql: ({ query, bindings }) => ({
      query: query.replace('SELECT own FROM taken', 'SELECT seq AS own FROM taken'),
      bindings,
    }),
  })),

  /** Two shards are lent places at once, each by what was free before. */
  'places are lent one shard after the other': divided(() => ({
    around: () => patched(Turns.prototype, 'run', (work) => work()),
  })),
}

function divided(make: () => Mutation): Mutant {
  return { policy: 'never', make, shards: 3 }
}

function strict(make: () => Mutation): Mutant {
  return { policy: 'strict', make }
}

function admit(make: () => Mutation): Mutant {
  return { policy: 'admit', make }
}

type Method<T, K extends keyof T> = T[K] extends (...args: infer Args) => infer Result
  ? (this: T, ...args: Args) => Result
  : never

function patched<T extends object, K extends keyof T>(prototype: T, name: K, replacement: Method<T, K>): () => void {
  const before = prototype[name]
  prototype[name] = replacement as T[K]
  return () => {
    prototype[name] = before
  }
}

function both(...putBack: (() => void)[]): () => void {
  return () => {
    for (const one of putBack) one()
  }
}

/** Never writes what begins so. */
function never(start: string): SqlMutation {
  return (statement) => (statement.query.startsWith(start) ? null : statement)
}

function inEntry(change: (values: unknown[]) => unknown[]): SqlMutation {
  return ({ query, bindings }) => ({
    query,
    bindings: query.startsWith('INSERT INTO entry') ? change(bindings) : bindings,
  })
}

/** A second entry of a scan is written under a name of its own, since the table would not take it under the first one's. */
function underOtherNames(): SqlMutation {
  const seen = new Set<string>()
  return inEntry((values) => {
    const name = Buffer.from(values[1] as Uint8Array).toString('hex')
    if (!seen.has(name)) {
      seen.add(name)
      return values
    }
    const other = Uint8Array.from(values[1] as Uint8Array)
    new DataView(other.buffer).setUint32(0, seen.size * 1000 + Number(values[0]))
    return values.with(1, other)
  })
}

function forgetExit(scan: KeptScan): KeptScan {
  return scan.verdict?.kind === 'exited' ? { ...scan, verdict: { kind: 'refused', code: 'no_network' } } : scan
}

function hearingItself(live: OpenSocket): OpenSocket {
  return (url, on) => {
    const socket = live(url, on)
    const send = (text: string) => (text === 'ping' ? on.message('pong') : socket.send(text))
    return { ...socket, send }
  }
}

function toldOfAll<K extends keyof KeptThings>(name: K, kept: KeptThings[K] | null): KeptThings[K] | null {
  return name === 'told' && kept !== null ? Object.assign({}, kept, { cursor: '999999999.1.1' }) : kept
}

function inTwoBreaths(store: Store): Store['decide'] {
  return async (ticketId, decide) => {
    let seen: Look | null = null
    await store.decide(ticketId, (look) => {
      seen = look
      return { ...decide(look), state: 'asked', verdict: null }
    })
    for (let i = 0; i < 20; i++) await store.put('conflicts', null)
    return store.decide(ticketId, (look) => decide(seen ?? look))
  }
}

function allTaken({ body }: HttpRequest): HttpAnswer {
  const { scans } = JSON.parse(body ?? '{}') as { scans: { scanId: string }[] }
  const items = scans.map(({ scanId }) => ({ scanId, outcome: 'ok' }))
  const bytes = new TextEncoder().encode(JSON.stringify({ success: true, results: { items } }))
  return { status: 200, header: () => null, bytes }
}

function withPolicy(offline: OfflinePolicy): () => void {
  const before = Object.getOwnPropertyDescriptor(KnownTickets.prototype, 'head') as PropertyDescriptor
  Object.defineProperty(KnownTickets.prototype, 'head', {
    ...before,
    get() {
      const head = before.get?.call(this) as KnownTickets['head']
      return { ...head, policy: { ...head.policy, offline } }
    },
  })
  return () => Object.defineProperty(KnownTickets.prototype, 'head', before)
}

function asHolder(store: Store, gateId: string): Store['decide'] {
  const lease = {
    generation: 1,
    gateId,
    gates: ['main', 'lounge'].map((zone) => ({ gateId, zone, types: ['single', 'group'] })),
    state: 'held',
    cursor: '0.0.1',
  } as unknown as Lease
  return (ticketId, decide) => store.decide(ticketId, (look) => decide({ ...look, lease }))
}

function takeFromTheSilent(): () => void {
  const { review } = Leases.prototype
  const seen = new WeakMap<Leases, Set<Parameters<Leases['release']>[0]>>()
  return patched(Leases.prototype, 'review', function (ready) {
    const before = seen.get(this) ?? new Set()
    for (const deviceId of before) if (!ready.has(deviceId)) this.release(deviceId)
    seen.set(this, new Set(ready))
    return review.call(this, ready)
  })
}

/** What a scan is judged by is the standing of some milliseconds before it is written. */
function lookTooEarly(): () => void {
  const { get, put } = Standings.prototype
  const before = new Map<string, { standing: ReturnType<typeof get>; until: number }>()
  return both(
    patched(Standings.prototype, 'put', function (ticket, zone, standing) {
      before.set(`${ticket} ${zone}`, { standing: get.call(this, ticket, zone), until: Date.now() + 40 })
      put.call(this, ticket, zone, standing)
    }),
    patched(Standings.prototype, 'get', function (ticket, zone) {
      const stale = before.get(`${ticket} ${zone}`)
      return stale && Date.now() < stale.until ? stale.standing : get.call(this, ticket, zone)
    }),
  )
}

function creditForNothing(): () => void {
  const { get, put } = Standings.prototype
  return patched(Standings.prototype, 'put', function (ticket, zone, standing) {
    const before = get.call(this, ticket, zone)
    const isCredit = standing.exits > before.exits && before.inside === 0
    put.call(this, ticket, zone, isCredit ? { ...standing, entries: standing.entries - 1, inside: -1 } : standing)
  })
}

function standingsApart(): () => void {
  const { settle } = Conflicts.prototype
  const { put } = Standings.prototype
  let isSettling = false
  return both(
    patched(Conflicts.prototype, 'settle', function (...about) {
      isSettling = true
      try {
        return settle.apply(this, about)
      } finally {
        isSettling = false
      }
    }),
    patched(Standings.prototype, 'put', function (ticket, zone, standing) {
      if (!isSettling) put.call(this, ticket, zone, standing)
    }),
  )
}

/** A scan that is known is a replay, whatever its gate did. */
function replayOnly(): () => void {
  const { sync } = Gatekeeper.prototype
  return patched(Gatekeeper.prototype, 'sync', async function (actor, scans) {
    const known = scans.map(({ ask }) => this.answer(actor, ask.scanId))
    const synced = await sync.call(
      this,
      actor,
      scans.filter((_, i) => !known[i]?.ok),
    )
    if (!synced.ok) return synced
    const fresh = synced.value[Symbol.iterator]()
    const outcomes = known.map((one): SyncOutcome => {
      if (!one.ok) return fresh.next().value as SyncOutcome
      return { outcome: 'replayed', code: null, conflict: null, recorded: one.value.entry, annulledAt: null }
    })
    return { ok: true, value: outcomes }
  })
}

function rowsLost(): () => void {
  const { read } = Snapshots.prototype
  return patched(Snapshots.prototype, 'read', function (position) {
    const part = read.call(this, position)
    const { standings } = part.rows
    const kept = standings.slice(0, Math.max(0, standings.length - 2 * rowLength.standing))
    return { ...part, rows: { ...part.rows, standings: kept } }
  })
}

/** The mark of how far was taken in goes back a little each so many times that it is asked for. */
function takenInAgain(): SqlMutation {
  let asked = 0
  return ({ query, bindings }) => {
    const isMark = query.startsWith('SELECT max(seq) AS seq FROM taken')
    const goesBack = isMark && ++asked % 7 < 2
    return {
      query: goesBack
        ? query.replace('max(seq)', 'max(0, max(seq) - 2)')
        : query.replace('INSERT INTO taken', 'INSERT OR REPLACE INTO taken'),
      bindings,
    }
  }
}

function givesNothingBack(): () => void {
  const { giveBack } = Rooms.prototype
  return patched(Rooms.prototype, 'giveBack', function (name) {
    const had = this.borrowing({ [name]: 0 }).has[name] ?? 0
    const kept = giveBack.call(this, name)
    const lent = { people: { [name]: had - kept.people }, rooms: { [name]: { capacity: null, inside: 0 } } }
    this.take(this.borrowing({ [name]: 0 }), lent)
    return kept
  })
}

/** Each shard is told as well what another one is told. */
function tellAllOfAll(): () => void {
  const { call } = Shards.prototype
  return patched(Shards.prototype, 'call', function <
    T,
  >(this: Shards, shard: number, given: (stub: Stub) => Promise<T>) {
    return call.call(this, shard, (stub) => {
      const adopt: Stub['adopt'] = async (replica) => {
        for (const other of [1, 2, 3]) {
          const theirs = other === shard ? replica : { ...replica, configuration: null }
          await call.call(this, other, (one) => one.adopt({ ...theirs, shard: other }))
        }
      }
      return given(new Proxy(stub, { get: (all, name) => (name === 'adopt' ? adopt : Reflect.get(all, name)) }))
    }) as Promise<T>
  })
}

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Every scan under another id, which always is the same other one. */
function renamed(request: HttpRequest, names: Map<string, string>): HttpRequest {
  const body = JSON.parse(request.body ?? '{}') as { scans: { scanId: string }[] }
  const scans = body.scans.map((scan) => {
    const scanId = `f${scan.scanId.slice(1)}`
    names.set(scanId, scan.scanId)
    return { ...scan, scanId }
  })
  return { ...request, body: JSON.stringify({ ...body, scans }) }
}
