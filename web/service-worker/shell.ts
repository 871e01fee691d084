/** What the scanner is made of; put in by the build. `page` is the path it is served at and is one of `files`. */
declare const SHELL: { version: string; page: string; files: string[] }

const prefix = 'scanner-shell-'
const cacheName = prefix + SHELL.version
const files = new Set(SHELL.files)

/**
 * Keeps the scanner so that it starts without a network. A version is whole or not there at all, and a new one waits
 * until the page says that nobody is scanning. What is not part of it, the API above all, goes to the network untouched.
 */
export function serveShell(worker: ServiceWorkerGlobalScope): void {
  worker.addEventListener('install', (event) => event.waitUntil(fill()))
  worker.addEventListener('activate', (event) => event.waitUntil(takeOver(worker)))
  worker.addEventListener('message', (event) => {
    if (event.data === 'activate') event.waitUntil(worker.skipWaiting())
  })
  worker.addEventListener('fetch', (event) => {
    const key = keyOf(event.request, worker.location.origin)
    if (key !== null) event.respondWith(answer(event.request, key))
  })
}

async function fill(): Promise<void> {
  const cache = await caches.open(cacheName)
  // Names with a hash may come from the browser's cache; the rest has to be the server's newest.
  await cache.addAll(SHELL.files.map((file) => new Request(file, { cache: isHashed(file) ? 'default' : 'reload' })))
}

async function takeOver(worker: ServiceWorkerGlobalScope): Promise<void> {
  const names = await caches.keys()
  await Promise.all(
    names.filter((name) => name.startsWith(prefix) && name !== cacheName).map((name) => caches.delete(name)),
  )
  await worker.clients.claim()
}

/** Where in the cache the answer lies, or null where the request is none of ours. */
function keyOf(request: Request, origin: string): string | null {
  const { origin: asked, pathname } = new URL(request.url)
  if (request.method !== 'GET' || asked !== origin) return null
  if (request.mode === 'navigate') return isPage(pathname) ? SHELL.page : null
  return files.has(pathname) ? pathname : null
}

async function answer(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(cacheName)
  // Emptied behind our back, as browsers do when the disk is full.
  return (await cache.match(key)) ?? fetch(request)
}

function isPage(pathname: string): boolean {
  return pathname === SHELL.page || pathname.startsWith(`${SHELL.page}/`)
}

function isHashed(file: string): boolean {
  return file.startsWith('/assets/')
}
