import type { Engine } from '../engine/engine.ts'
import { startEngine } from '../engine/start.ts'
import { webCryptography } from './cryptography.ts'
import { openStore } from './idb-store.ts'
import { fetchHttp, webSocket } from './network.ts'
import { browserSurroundings } from './surroundings.ts'
import { browserTabs } from './tabs.ts'
import { realTime } from './time.ts'

/** Starts the engine in a browser's tab. `page` is the path that the scanner is served at. */
export async function startBrowserEngine(appVersion: string, page = '/scan'): Promise<Engine> {
  const { origin } = window.location
  return startEngine({
    http: fetchHttp(origin),
    live: webSocket,
    store: await openStore(),
    time: realTime,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    crypto: webCryptography(),
    tabs: browserTabs(),
    surroundings: browserSurroundings(page),
    origin,
    appVersion,
  })
}
