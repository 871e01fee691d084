import { cloudflareTest, type D1Migration, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

const secrets = { ADMIN_KEY: 'the deployment key of the tests', TICKET_KEY: 'the ticket key of the tests' }
/** What is waited for comes, however busy the machine is; how soon is measured in `bench/`. */
const patient = { poll: { timeout: 20_000 } }
/** Of what properties draw, in whatever runtime. */
const drawn = { provide: { seed: Number(process.env.SEED ?? 1) }, setupFiles: ['test/seed.ts'] }
// wrangler warns where a required secret is in no file and not in the environment.
Object.assign(process.env, secrets)

/**
 * What runs a second time with each event divided. Not among them: `strict` and `scan-lane`, which no divided event has, those
 * that look into one object's storage, and what the doors do not depend on or what takes long.
 */
const divided = ['scan', 'offline-sync', 'precedence', 'formats', 'door', 'tickets', 'snapshot', 'live']

/**
 * `core` runs in Node, `edge` in workerd with real bindings, `divided` some of its files again, `process` against servers of its own that it starts and
 * kills, `together` has scanners in Node at such servers, `browser` drives the pages in the browser that comes with `npm ci`. What stands in `test/everywhere` runs in
 * Node and in workerd; the vectors run in a browser too.
 */
export default defineConfig(async () => ({
  test: {
    // Many wait more than they work, so that three at a time do not get in the way of each other on two cores.
    maxWorkers: 3,
    projects: await projects(),
    onUnhandledError: isOfATest,
    // What a test breaks on purpose is logged as broken. Whoever reads that should have something to mend.
    silent: 'passed-only' as const,
  },
}))

/**
 * False for what is no fault of any test's: an object that is just being woken for work that nobody waits for, as a shard
 * is that tells its Gatekeeper of an entry, loads its modules through the test file, and that may be over.
 */
function isOfATest({ name, message }: { name?: string; message?: string }): boolean {
  return !(name === 'EnvironmentTeardownError' && /"(resolve|fetch)" was pending/.test(message ?? ''))
}

async function projects(): Promise<TestProjectConfiguration[]> {
  return [
    {
      // The simulation runs the Gatekeeper in Node, where its platform's base class is a small one of ours.
      resolve: { alias: { 'cloudflare:workers': new URL('test/simulation/workers.ts', import.meta.url).pathname } },
      test: {
        name: 'core',
        ...drawn,
        include: ['test/{cli,core,everywhere,simulation}/**/*.test.ts', 'test/scanner/*.test.ts'],
        // A property with many cases takes its time where the computer has other work.
        testTimeout: 30_000,
      },
    },
    edge('edge', process.env.SHARDS ?? '1', await readD1Migrations('./migrations'), {
      include: ['test/edge/**/*.test.ts', 'test/everywhere/**/*.test.ts'],
    }),
    // What matters most at the doors once more, with each event divided among several objects.
    edge('divided', '3', await readD1Migrations('./migrations'), {
      include: divided.map((name) => `test/edge/${name}.test.ts`),
    }),
    {
      test: {
        name: 'process',
        include: ['test/process/**/*.test.ts'],
        testTimeout: 120_000,
        expect: patient,
        hookTimeout: 60_000,
      },
    },
    {
      test: {
        name: 'together',
        include: ['test/scanner/together/**/*.test.ts'],
        testTimeout: 120_000,
        expect: patient,
        hookTimeout: 60_000,
      },
    },
    {
      test: {
        name: 'browser',
        include: ['test/browser/**/*.test.ts'],
        // After all others: what is on a screen is waited for.
        sequence: { groupOrder: 1 },
        maxWorkers: 2,
        testTimeout: 60_000,
        expect: patient,
        hookTimeout: 120_000,
      },
    },
  ]
}

/** A project that runs in workerd with real bindings, where each event that a test makes is divided among so many objects. */
function edge(name: string, shards: string, migrations: D1Migration[], { include }: { include: string[] }) {
  return {
    // A library's source map names files that it does not ship; nobody needs to hear of it at every run.
    logLevel: 'error' as const,
    plugins: [
      cloudflareTest({
        wrangler: { configPath: './wrangler.toml' },
        miniflare: { bindings: { ...secrets, LOG_LEVEL: 'error', MIGRATIONS: migrations, SHARDS: shards } },
      }),
    ],
    test: {
      name,
      include,
      ...drawn,
      setupFiles: [...drawn.setupFiles, 'test/edge/setup.ts'],
      // Starting a runtime costs more than most files do in it.
      isolate: false,
      testTimeout: 120_000,
      hookTimeout: 120_000,
      expect: patient,
    },
  }
}
