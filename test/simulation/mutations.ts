import type { Lease } from '../../core/lease.ts'
import { Leases } from '../../durable-objects/leases.ts'
import type { HttpRequest } from '../../web/scanner/engine/ports.ts'
import { Queue } from '../../web/scanner/engine/queue.ts'
import type { KeptScan, Store } from '../../web/scanner/engine/store.ts'
import type { Mutation } from './run.ts'

export type { Mutation } from './run.ts'

/*
 * Each rule that keeps a scan safe, taken out by what stands around the shipped code, or by a patch of one of its
 * functions for the time of a run. In the shipped code there is nothing to switch off.
 */

export const mutations = {
  /** R1: what is said to be written is on the disk seconds later. */
  'saving before showing': { isStrictStore: false },

  /** R2: the Gatekeeper is asked of a ticket while it has not heard what this device did with it alone. */
  'bringing a ticket’s own scans home first': {
    around: () => patched(Queue.prototype, 'isHome', async () => true),
  },

  /** R3: the next scan begins while the one before is not settled. */
  'one scan at a time': {
    tabs: (tabs) => ({ ...tabs, alone: (name, run) => (name === 'scan' ? run() : tabs.alone(name, run)) }),
  },

  /** R4: an exit without an answer is kept as if nobody had gone. */
  'an exit without an answer is an exit': {
    store: (store) => ({
      ...store,
      decide: (ticketId, decide) => store.decide(ticketId, (look) => forgetExit(decide(look))),
    }),
  },

  /** R5: a scan goes home under another id than it was asked under. */
  'the same id whoever decides': {
    http: (http) => async (request) => {
      if (!request.path.endsWith('/offline-sync')) return http(request)
      const names = new Map<string, string>()
      const answer = await http(renamed(request, names))
      const text = new TextDecoder().decode(answer.bytes).replace(uuids, (id) => names.get(id) ?? id)
      return { ...answer, bytes: new TextEncoder().encode(text) }
    },
  },

  /** The lease: a device that holds none admits alone as if all tickets were its own. */
  'only the holder admits alone': {
    store: (store, { gateId }) => ({ ...store, decide: asHolder(store, gateId) }),
  },

  /** The lease, at the Gatekeeper: a ticket of a held share is judged without asking its holder. */
  'the holder is asked first': { around: () => patched(Leases.prototype, 'heldAgainst', () => null) },

  /** Recall: the holder says that it gave a ticket up, and did not write that down. */
  'a recall is written down': { store: (store) => ({ ...store, putGone: async () => {} }) },

  /** The lease's beginning: it is used before all that happened until then is known. */
  'knowing everything before the lease': {
    store: (store) => ({
      ...store,
      decide: (ticketId, decide) =>
        store.decide(ticketId, (look) => decide({ ...look, lease: look.lease && { ...look.lease, cursor: '0.0.1' } })),
    }),
  },
} satisfies Record<string, Mutation> as Record<string, Mutation>

function patched<T extends object, K extends keyof T>(prototype: T, name: K, replacement: T[K]): () => void {
  const before = prototype[name]
  prototype[name] = replacement
  return () => {
    prototype[name] = before
  }
}

function forgetExit(scan: KeptScan): KeptScan {
  return scan.verdict?.kind === 'exited' ? { ...scan, verdict: { kind: 'refused', code: 'no_network' } } : scan
}

function asHolder(store: Store, gateId: string): Store['decide'] {
  const lease = {
    generation: 1,
    gateId,
    gates: [{ gateId, zone: 'main', types: ['standard'] }],
    state: 'held',
    cursor: '0.0.1',
  } as unknown as Lease
  return (ticketId, decide) => store.decide(ticketId, (look) => decide({ ...look, lease }))
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
