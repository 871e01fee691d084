import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vite'
import { icons } from './icons.ts'
import { serviceWorker } from './service-worker.ts'
import { ticketScripts } from './ticket.ts'

const web = join(import.meta.dirname, '..')

/** Each folder with an `index.html` is a page, built to `dist/<folder>/index.html`; what it loads goes to `dist/assets`. */
const pages = readdirSync(web, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && readdirSync(join(web, entry.name)).includes('index.html'))
  .map((entry) => join(web, entry.name, 'index.html'))

const { version } = JSON.parse(readFileSync(join(web, '../package.json'), 'utf8'))

export default defineConfig({
  root: web,
  // Pages are served at other paths than their files lie at.
  base: '/',
  logLevel: 'warn',
  define: { APP_VERSION: JSON.stringify(version) },
  // Nothing of ours is written into node_modules.
  cacheDir: join(web, 'dist/.vite'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [
    icons(),
    serviceWorker({ page: 'scanner', at: '/scan', alsoNeeds: ['scan.webmanifest'], appVersion: version }),
    ticketScripts(),
  ],
  worker: { format: 'es' },
  build: {
    outDir: join(web, 'dist'),
    emptyOutDir: true,
    target: 'es2023',
    // The pages' policy allows no inline script, and no browser that they run in needs it.
    modulePreload: { polyfill: false },
    // Every asset is a file of its own: the policy allows no data: but in images.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: pages,
      // On a slow day it would tell whoever starts the server which part of the build took how long.
      checks: { pluginTimings: false },
    },
  },
})
