import { Calls } from '../engine/calls.ts'
import { Clock } from '../engine/clock.ts'
import { Queue } from '../engine/queue.ts'
import { webCryptography } from './cryptography.ts'
import { openStore } from './idb-store.ts'
import { fetchHttp } from './network.ts'
import { browserTabs } from './tabs.ts'
import { realTime } from './time.ts'

/** The name under which a page asks the browser to be woken once there is a network. */
export const flushTag = 'admit-one-flush'

/**
 * Brings home what is pending, with no page open: for the service worker's `sync` event. Rejects where some is still
 * here, so that the browser tries again. A page that is open shares the queue, and only one of them is at work.
 */
export async function flushPending(origin: string, appVersion: string): Promise<void> {
  const store = await openStore()
  try {
    const ports = {
      store,
      http: fetchHttp(origin),
      time: realTime,
      tabs: browserTabs(),
      random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
      crypto: webCryptography(),
      origin,
      appVersion,
    }
    const clock = new Clock(realTime, await store.get('skewMs'))
    const flushed = await new Queue(ports, new Calls(ports, clock)).flush()
    if (flushed.more) throw new Error('some scans are still pending')
  } finally {
    store.close()
  }
}
