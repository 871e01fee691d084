import { flushPending, flushTag } from '../scanner/platform/background-sync.ts'
import { serveShell } from './shell.ts'

declare const self: ServiceWorkerGlobalScope

/** Put in by the build. */
declare const APP_VERSION: string

/** Background Sync, which TypeScript does not know: not every browser has it. */
type SyncEvent = ExtendableEvent & { readonly tag: string }

serveShell(self)

// The browser has a network again: what is pending goes home, with no page open.
self.addEventListener('sync', (event) => {
  const sync = event as SyncEvent
  if (sync.tag === flushTag) sync.waitUntil(flushPending(self.location.origin, APP_VERSION))
})
