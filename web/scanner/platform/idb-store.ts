import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import type { ScanId, TicketId } from '../../../core/ids.ts'
import type { KeptScan, KeptThings, Look, Store } from '../engine/store.ts'

const VERSION = 1

interface Schema extends DBSchema {
  /** Small things and the snapshot, each under its name. */
  kept: { key: string; value: unknown }
  scan: {
    key: number
    value: KeptScan
    indexes: { scanId: string; ticketId: string; state: [string, number] }
  }
  /** Tickets that were called back and are never admitted alone. */
  gone: { key: string; value: { ticketId: TicketId } }
}

type Names = ('kept' | 'scan' | 'gone')[]
type Writing = IDBPTransaction<Schema, Names, 'readwrite'>

/** Opens this device's storage; makes it where there is none. */
export async function openStore(name = 'admit-one'): Promise<Store> {
  let database = await open(name)
  const read = () => database

  return {
    async get(thing) {
      return ((await read().get('kept', thing)) ?? null) as KeptThings[typeof thing] | null
    },
    async put(thing, value) {
      await write(read(), ['kept'], async (transaction) => {
        const kept = transaction.objectStore('kept')
        await (value === null ? kept.delete(thing) : kept.put(value, thing))
      })
    },
    add: (scan) =>
      write(read(), ['scan'], async (transaction) => {
        const sequence = await transaction.objectStore('scan').add(scan as KeptScan)
        return { ...scan, sequence }
      }),
    decide: (ticketId, decide) =>
      write(read(), ['kept', 'scan', 'gone'], async (transaction) => {
        const [scans, gone, lease] = await Promise.all([
          transaction.objectStore('scan').index('ticketId').getAll(ticketId),
          transaction.objectStore('gone').get(ticketId),
          transaction.objectStore('kept').get('lease'),
        ])
        const scan = decide({
          scans: inOrder(scans),
          isGone: gone !== undefined,
          lease: (lease ?? null) as Look['lease'],
        })
        await transaction.objectStore('scan').put(scan)
        return scan
      }),
    async change(changes) {
      await write(read(), ['scan'], async (transaction) => {
        const scans = transaction.objectStore('scan')
        for (const [scanId, change] of changes) {
          const before = await scans.index('scanId').get(scanId)
          if (!before) continue
          const after = change(before)
          await (after === null ? scans.delete(before.sequence) : scans.put(after))
        }
      })
    },
    scan: async (scanId: ScanId) => (await read().getFromIndex('scan', 'scanId', scanId)) ?? null,
    inState: (state, limit) =>
      read().getAllFromIndex('scan', 'state', inStateOf(state), Number.isFinite(limit) ? limit : undefined),
    count: (state) => read().countFromIndex('scan', 'state', inStateOf(state)),
    ofTicket: async (ticketId) => inOrder(await read().getAllFromIndex('scan', 'ticketId', ticketId)),
    async forgetAnswered(mayGo) {
      await write(read(), ['scan'], async (transaction) => {
        const range = inStateOf('answered')
        for (
          let at = await transaction.objectStore('scan').index('state').openCursor(range);
          at;
          at = await at.continue()
        ) {
          if (mayGo(at.value)) await at.delete()
        }
      })
    },
    async putGone(ticketIds) {
      await write(read(), ['gone'], async (transaction) => {
        for (const ticketId of ticketIds) await transaction.objectStore('gone').put({ ticketId })
      })
    },
    async clearGone() {
      await write(read(), ['gone'], (transaction) => transaction.objectStore('gone').clear())
    },
    async wipe() {
      database.close()
      await deleteDB(name)
      database = await open(name)
    },
    async reopen() {
      database.close()
      database = await open(name)
    },
    close: () => database.close(),
  }
}

function open(name: string): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(name, VERSION, {
    upgrade(database) {
      database.createObjectStore('kept')
      const scans = database.createObjectStore('scan', { keyPath: 'sequence', autoIncrement: true })
      scans.createIndex('scanId', 'scanId', { unique: true })
      scans.createIndex('ticketId', 'ticketId')
      scans.createIndex('state', ['state', 'sequence'])
      database.createObjectStore('gone', { keyPath: 'ticketId' })
    },
    // Another tab wipes the device, or brings a newer version: it shall not have to wait for this one.
    blocking: (_from, _to, event) => (event.target as IDBDatabase).close(),
  })
}

/** One transaction, on the disk when the promise resolves. Only requests of its own may be awaited inside. */
async function write<T>(
  database: IDBPDatabase<Schema>,
  stores: Names,
  run: (transaction: Writing) => Promise<T>,
): Promise<T> {
  const transaction = database.transaction(stores, 'readwrite', { durability: 'strict' })
  try {
    const result = await run(transaction)
    await transaction.done
    return result
  } catch (error) {
    abort(transaction)
    throw error
  }
}

function abort(transaction: Writing): void {
  // Its own rejection says nothing that the error at hand does not.
  transaction.done.catch(() => {})
  try {
    transaction.abort()
  } catch {
    // An InvalidStateError: a request that failed has ended the transaction already.
  }
}

function inStateOf(state: KeptScan['state']): IDBKeyRange {
  return IDBKeyRange.bound([state, 0], [state, Number.MAX_SAFE_INTEGER])
}

function inOrder(scans: KeptScan[]): KeptScan[] {
  return scans.sort((a, b) => a.sequence - b.sequence)
}
