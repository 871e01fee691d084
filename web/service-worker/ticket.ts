/*
 * Keeps the ticket pages that were opened on this phone, so that each opens again without a network. It answers for
 * `/t/…` and for the page's script, and touches nothing else. What it keeps is a copy that says when it was made.
 */

declare const self: ServiceWorkerGlobalScope

const cacheName = 'tickets-1'
const script = '/ticket.js'
/** More tickets than anybody holds on one phone. */
const KEPT = 50
/** A network that takes longer than this is none. */
const PATIENCE_MS = 4000

const pageShape = /^\/t\/[\w-]+$/

self.addEventListener('install', () => void self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('message', (event) => {
  const { origin, pathname } = new URL((event.source as WindowClient | null)?.url ?? self.location.href)
  if (event.data === 'save' && origin === self.location.origin && pageShape.test(pathname)) {
    event.waitUntil(save(pathname))
  }
})

self.addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url)
  if (event.request.method !== 'GET' || origin !== self.location.origin) return
  const isPage = event.request.mode === 'navigate' && pageShape.test(pathname)
  if (isPage || pathname === script) event.respondWith(fresh(event.request, pathname))
})

/** The server's answer, or the copy where there is none in time. */
async function fresh(request: Request, path: string): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) })
    if (answer.status < 500) {
      // A link that leads nowhere any more is not to be shown later either.
      if (answer.status === 404) await forget(path)
      return answer
    }
    return (await kept(path)) ?? answer
  } catch (error) {
    // No network, or none worth waiting for.
    const copy = await kept(path)
    if (copy) return copy
    throw error
  }
}

async function save(path: string): Promise<void> {
  const [page, code] = await Promise.all([
    fetch(`${path}?saved`, { cache: 'no-store' }),
    fetch(script, { cache: 'no-cache' }),
  ])
  if (!page.ok || !code.ok) return
  const cache = await caches.open(cacheName)
  await cache.put(script, code)
  await cache.delete(path)
  await cache.put(path, page)
  const pages = (await cache.keys()).filter(({ url }) => !url.endsWith(script))
  await Promise.all(pages.slice(0, -KEPT).map((old) => cache.delete(old)))
}

async function kept(path: string): Promise<Response | undefined> {
  // What it varies by, the language of the reader, does not change on one phone.
  return (await caches.open(cacheName)).match(path, { ignoreVary: true })
}

async function forget(path: string): Promise<void> {
  await (await caches.open(cacheName)).delete(path, { ignoreVary: true })
}

export {}
