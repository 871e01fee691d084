import type { Hono } from 'hono'
import type { Env } from './env.ts'
import { problemResponse } from './problems.ts'
import type { Routed } from './request-log.ts'

/** A folder of `web/` with an `index.html`. */
export type Page = 'scanner' | 'console'

/** What lies beside the pages, under the same name as it is asked for. */
const files = ['/assets/*', '/icons/*', '/service-worker.js', '/scan.webmanifest', '/ticket.js', '/ticket-worker.js']

/** The pages that `npm run build` makes, each at its path, and their files. */
export function servePages(app: Hono<Routed>): void {
  for (const path of ['/scan', '/scan/*']) app.get(path, (c) => servePage(c.req.raw, c.env, 'scanner'))
  for (const path of ['/console', '/console/*']) app.get(path, (c) => servePage(c.req.raw, c.env, 'console'))
  for (const path of files) app.get(path, (c) => serveFile(c.req.raw, c.env))
}

/**
 * A built page with the headers that every page has. Browsers ask for it anew each time, and are told when it is the same:
 * a page names its files by what is in them, so the newest page brings the newest of everything.
 */
export async function servePage(request: Request, env: Env, page: Page): Promise<Response> {
  const asset = await ask(request, env, `/${page}/index.html`)
  if (!asset.ok && asset.status !== 304) return problemResponse('not_found')
  const response = new Response(asset.body, asset)
  for (const [name, value] of Object.entries(pageHeaders)) response.headers.set(name, value)
  return response
}

async function serveFile(request: Request, env: Env): Promise<Response> {
  const asset = await ask(request, env, new URL(request.url).pathname)
  if (!asset.ok && asset.status !== 304) return problemResponse('not_found')
  const response = new Response(asset.body, asset)
  // A worker has a policy of its own, which comes with its script.
  response.headers.set('Content-Security-Policy', scriptPolicy)
  response.headers.set('Cross-Origin-Resource-Policy', 'same-origin')
  response.headers.set('Cache-Control', cachingOf(new URL(request.url).pathname))
  return response
}

function ask(request: Request, env: Env, path: string): Promise<Response> {
  const headers = new Headers()
  const known = request.headers.get('If-None-Match')
  if (known) headers.set('If-None-Match', known)
  return env.ASSETS.fetch(new Request(new URL(path, request.url), { method: request.method, headers }))
}

function cachingOf(path: string): string {
  if (path.startsWith('/assets/')) return 'public, max-age=31536000, immutable'
  return path.startsWith('/icons/') ? 'public, max-age=86400' : 'no-cache'
}

const scriptPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"

/**
 * A page takes scripts and everything else from here and nowhere else, is in nobody's frame, and makes no text into
 * script: `admit-one` names the one place that makes addresses of workers (web/scanner/own-scripts.ts).
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types admit-one',
].join('; ')

/** What every page is sent with. */
export const pageHeaders = {
  'Content-Security-Policy': policy,
  'Permissions-Policy':
    'camera=(self), screen-wake-lock=(self), fullscreen=(self), microphone=(), geolocation=(), payment=(), usb=()',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
} as const
