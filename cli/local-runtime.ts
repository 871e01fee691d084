import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stop } from 'esbuild'
import { Log, LogLevel, Miniflare, type MiniflareOptions, type MiniflareWorkerConfig } from 'miniflare'
import { bundleWorker } from './bundle.ts'
import { portInUse } from './claim-port.ts'
import { Failure, inOneLine, systemCode } from './failure.ts'
import { migrate } from './migrate.ts'
import { buildPages, pagesDir } from './pages.ts'
import { guardRuntime } from './runtime-guard.ts'
import type { Secrets } from './secrets.ts'

export type LocalRuntime = {
  url: string
  /** Does what the cron trigger does every minute in production; Miniflare fires none. */
  sweep: () => Promise<void>
  dispose: () => Promise<void>
}

type Options = {
  root: string
  worker: string
  host: string
  port: number
  stateDir: string
  secrets: Secrets
  allowLocalWebhooks: boolean
  /** workerd died and could not be started again. */
  onDeath: (failure: Failure) => void
}

/**
 * Bundles the worker, brings D1 up to date and only then opens the port, so that whoever gets an answer gets one from
 * a whole server. Persists everything in `stateDir`.
 */
export async function startRuntime(options: Options): Promise<LocalRuntime> {
  const { root, worker, host, port } = options
  guardRuntime()
  const [bundle] = await Promise.all([bundleWorker(worker, root), bringDatabaseUpToDate(options), buildPages(root)])
  // esbuild's own process would live as long as this one. The worker and the pages are both built with it, so it ends
  // only when both are done.
  await stop()
  const runtime = create({
    ...common(options, bundle.toSourcePlaces),
    workers: [
      {
        config: workerConfig(options, bundle.code),
        // Straight to the worker: Miniflare's own entry worker would cost 4 to 20 times the request itself.
        dev: { unsafeDirectSockets: [{ host, port }] },
      },
      { config: pagesConfig(root) },
    ],
  })
  await runtime.ready.catch((error: unknown) => {
    throw new Failure(systemCode(error) === 'ERR_ADDRESS_IN_USE' ? portInUse(port) : inOneLine(error))
  })
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    sweep: async () => {
      const running = await runtime.getWorker()
      const { outcome } = await running.scheduled({ cron: '* * * * *' })
      if (outcome !== 'ok') throw new Error(`it ended with ${outcome}`)
    },
    dispose: () => runtime.dispose(),
  }
}

const name = 'admit-one'
const pages = 'admit-one-pages'
const jobQueue = `${name}-jobs`
const database = { DB: { type: 'd1', id: name } } as const

function workerConfig({ root, secrets, allowLocalWebhooks }: Options, code: string): MiniflareWorkerConfig {
  return {
    ...bareConfig(root, code),
    env: {
      ...database,
      GATEKEEPER: { type: 'durable-object', worker: name, exportName: 'Gatekeeper' },
      ASSETS: { type: 'worker', worker: pages },
      QR_IMAGES: { type: 'kv', id: name },
      JOBS: { type: 'queue', name: jobQueue },
      STRANGERS: { type: 'rate-limit', ...rateLimitOf(root, 'STRANGERS') },
      LINKS: { type: 'rate-limit', ...rateLimitOf(root, 'LINKS') },
      ...settingsOf(root),
      // A line a request would bury what `npm start` has to say.
      LOG_LEVEL: { type: 'text', value: process.env.LOG_LEVEL ?? 'warn' },
      ADMIN_KEY: { type: 'text', value: secrets.adminKey },
      ADMIN_KEY_PREVIOUS: { type: 'text', value: secrets.previousAdminKey },
      TICKET_KEY: { type: 'text', value: secrets.ticketKey },
      TICKET_KEY_PREVIOUS: { type: 'text', value: secrets.previousTicketKeys },
      ALLOW_LOCAL_WEBHOOKS: { type: 'text', value: String(allowLocalWebhooks) },
    },
    exports: { Gatekeeper: { type: 'durable-object', storage: 'sqlite' } },
    // Kept in memory here: what a killed server had in it, the Gatekeepers send again.
    triggers: [{ type: 'queue', name: jobQueue, maxBatchSize: 10, maxBatchTimeout: 0, maxRetries: 3, retryDelay: 2 }],
  }
}

// A worker of its own: with assets beside it, Miniflare would put a proxy before the one that answers the API.
function pagesConfig(root: string): MiniflareWorkerConfig {
  return {
    ...bareConfig(root, 'export default {}'),
    name: pages,
    assets: { directory: join(root, pagesDir), hasUserWorker: false, htmlHandling: 'none', notFoundHandling: 'none' },
  }
}

function bareConfig(root: string, code: string) {
  return {
    name,
    compatibilityDate: compatibilityDateOf(root),
    // As in wrangler.toml: what 500 people are told at once is not compressed 500 times.
    compatibilityFlags: ['no_web_socket_compression'] as string[],
    manifest: { mainModule: 'index.js', modulesRoot: root, modules: { 'index.js': { type: 'esm', contents: code } } },
  } as const
}

// In a runtime of its own, which serves nobody.
async function bringDatabaseUpToDate(options: Options): Promise<void> {
  const config = { ...bareConfig(options.root, 'export default {}'), env: database }
  const runtime = create({ ...common(options), workers: [{ config }] })
  try {
    await migrate(await runtime.getD1Database('DB'), join(options.root, 'migrations'))
  } finally {
    await runtime.dispose()
  }
}

/**
 * Whoever is at a gate waits while garbage is collected. By itself V8 lets so many young objects come together that this
 * takes several times as long at once; docs/performance.md has the figures.
 */
export const v8Flags = '--max-semi-space-size=4'

// Its own handlers would end this process, with a failure, before start.ts has put everything away.
function create(options: MiniflareOptions): Miniflare {
  // Miniflare has no option for them.
  process.env.MINIFLARE_WORKERD_V8_FLAGS ??= v8Flags
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  const before = new Set(signals.flatMap((signal) => process.listeners(signal)))
  const runtime = new Miniflare(options)
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (!before.has(listener)) process.removeListener(signal, listener)
    }
  }
  return runtime
}

// One source for what production and this computer run; wrangler's own reader takes a second to load.
function compatibilityDateOf(root: string): string {
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(readFileSync(join(root, 'wrangler.toml'), 'utf8'))?.[1]
  if (!date) throw new Failure('wrangler.toml names no compatibility_date.')
  return date
}

/** The [vars] of wrangler.toml; the environment may say otherwise, as for the secrets. */
function settingsOf(root: string): Record<string, { type: 'text'; value: string }> {
  const vars = /^\[vars\]\n((?:(?!\[).*\n)*)/m.exec(readFileSync(join(root, 'wrangler.toml'), 'utf8'))?.[1] ?? ''
  const settings = [...vars.matchAll(/^(\w+) = "([^"]*)"$/gm)]
  return Object.fromEntries(
    settings.map(([, key = '', value = '']) => [key, { type: 'text', value: process.env[key] ?? value }]),
  )
}

/** A [[ratelimits]] of wrangler.toml. */
function rateLimitOf(root: string, name: string) {
  const wanted = new RegExp(
    `name = "${name}"\\nnamespace_id = "(\\d+)"\\nsimple = \\{ limit = (\\d+), period = (10|60) \\}`,
  )
  const [, namespace, limit, period] = wanted.exec(readFileSync(join(root, 'wrangler.toml'), 'utf8')) ?? []
  if (!namespace) throw new Failure(`wrangler.toml has no [[ratelimits]] called ${name}.`)
  return { namespace, simple: { limit: Number(limit), period: period === '10' ? (10 as const) : (60 as const) } }
}

/** Whatever the runtime has to say goes to stderr: stdout belongs to the welcome. */
function common({ stateDir, onDeath }: Options, toSourcePlaces = (text: string) => text) {
  return {
    host: '127.0.0.1',
    port: 0,
    resourcePersistencePath: stateDir,
    enableDevRegistry: false,
    logRequests: false,
    // No look-up of where this computer is, which needs the network.
    cf: false,
    log: new StderrLog(onDeath),
    handleStructuredLogs: ({ message }: { message: string }) => {
      // An alarm that was moved before it rang, as it happens at a restart: nothing is wrong.
      if (message.startsWith('NOSENTRY SQLite alarm handler canceled')) return
      process.stderr.write(`${toSourcePlaces(message)}\n`)
    },
  }
}

class StderrLog extends Log {
  readonly #onDeath: (failure: Failure) => void

  constructor(onDeath: (failure: Failure) => void) {
    super(LogLevel.WARN)
    this.#onDeath = onDeath
  }

  protected override log(message: string): void {
    process.stderr.write(`${message}\n`)
  }

  override error(error: Error): void {
    // Miniflare tells this in its log only.
    if (systemCode(error) === 'ERR_RUNTIME_FAILURE') this.#onDeath(new Failure(inOneLine(error)))
    else super.error(error)
  }
}
