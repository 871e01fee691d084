import { join } from 'node:path'
import { build } from 'esbuild'
import type { Plugin } from 'vite'

const web = join(import.meta.dirname, '..')

/** The attendee's page comes from the Worker, which must know its script's name: one without a hash. */
const scripts = {
  'ticket.js': 'ticket/main.ts',
  'ticket-worker.js': 'service-worker/ticket.ts',
}

/** Builds the script and the service worker of the attendee's page, a file each. */
export function ticketScripts(): Plugin {
  return {
    name: 'ticket-scripts',
    apply: 'build',
    async generateBundle() {
      for (const [fileName, entry] of Object.entries(scripts)) {
        this.emitFile({ type: 'asset', fileName, source: await bundle(join(web, entry)) })
      }
    },
  }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}
