import type { Surroundings } from '../engine/ports.ts'
import { flushTag } from './background-sync.ts'

type WithBattery = { getBattery?: () => Promise<{ level: number }> }
type WithSync = { sync?: { register: (tag: string) => Promise<void> } }

/** The browser around the app. What one of them does not have is left out, and the rest works. */
export function browserSurroundings(page: string): Surroundings {
  return {
    readiness: async () => ({ ...(await cached(page)), persisted: await persisted() }),
    onOccasion(call) {
      const whenVisible = () => {
        if (document.visibilityState === 'visible') call()
      }
      return listen([
        [window, 'online', call],
        [window, 'focus', call],
        [document, 'visibilitychange', whenVisible],
      ])
    },
    onHidden(call) {
      const whenHidden = () => {
        if (document.visibilityState === 'hidden') call()
      }
      return listen([
        [document, 'visibilitychange', whenHidden],
        [window, 'pagehide', call],
      ])
    },
    requestSync() {
      void navigator.serviceWorker?.ready
        .then((registration) => (registration as WithSync).sync?.register(flushTag))
        // The browser may forbid it, and then the other occasions have to do.
        .catch(() => {})
    },
    async battery() {
      const battery = await (navigator as WithBattery).getBattery?.()
      return battery?.level ?? null
    },
    async wipe() {
      for (const name of await caches.keys()) await caches.delete(name)
      for (const registration of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
        if (new URL(registration.scope).pathname.startsWith(page)) await registration.unregister()
      }
      sessionStorage.clear()
      localStorage.clear()
    },
  }
}

/** Whether the app's page and the decoder are in a cache of the service worker. */
async function cached(page: string): Promise<{ shell: boolean; wasm: boolean }> {
  const paths = new Set<string>()
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) paths.add(new URL(request.url).pathname)
  }
  const controlled = navigator.serviceWorker?.controller != null
  return { shell: controlled && paths.has(page), wasm: [...paths].some((path) => path.endsWith('.wasm')) }
}

async function persisted(): Promise<boolean> {
  const { storage } = navigator
  if (typeof storage?.persist !== 'function') return false
  return (await storage.persisted()) || storage.persist()
}

function listen(events: [EventTarget, string, () => void][]): () => void {
  for (const [target, name, call] of events) target.addEventListener(name, call)
  return () => {
    for (const [target, name, call] of events) target.removeEventListener(name, call)
  }
}
