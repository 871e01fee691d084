import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Plugin } from 'vite'

type Output = { fileName: string } & ({ type: 'chunk'; code: string } | { type: 'asset'; source: string | Uint8Array })

type Options = {
  /** The folder of the page that works without a network. */
  page: string
  /** The path that the page is served at. */
  at: string
  /** Files of `web/public` that it needs too. */
  alsoNeeds: string[]
  appVersion: string
}

/**
 * Builds `web/service-worker/` to one file and tells it what the page is made of: everything that can be reached from
 * its HTML, by name. The names of all but the HTML hold a hash of what is in them.
 */
export function serviceWorker({ page, at, alsoNeeds, appVersion }: Options): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_options, bundle) {
      const outputs = Object.values(bundle) as Output[]
      const shell = reachable(outputs, `${page}/index.html`)
      const version = createHash('sha256')
      for (const output of shell) version.update(output.fileName).update(textOf(output))
      const files = shell.map(({ fileName }) => (fileName === `${page}/index.html` ? at : `/${fileName}`))
      const source = await bundleWorker({
        SHELL: {
          version: version.digest('hex').slice(0, 12),
          page: at,
          files: [...files, ...alsoNeeds.map((file) => `/${file}`)],
        },
        APP_VERSION: appVersion,
      })
      this.emitFile({ type: 'asset', fileName: 'service-worker.js', source })
    },
  }
}

async function bundleWorker(known: Record<string, unknown>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../service-worker/index.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    define: Object.fromEntries(Object.entries(known).map(([name, value]) => [name, JSON.stringify(value)])),
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}

/** Whatever is named in something that is reached is reached too. */
function reachable(outputs: Output[], from: string): Output[] {
  const found = new Set(outputs.filter(({ fileName }) => fileName === from))
  for (const output of found) {
    const text = textOf(output)
    for (const other of outputs) {
      const name = other.fileName.split('/').at(-1) ?? ''
      // Pages are not part of one another.
      if (!other.fileName.endsWith('.html') && !other.fileName.endsWith('.map') && text.includes(name)) found.add(other)
    }
  }
  return [...found].sort((a, b) => a.fileName.localeCompare(b.fileName))
}

function textOf(output: Output): string {
  return output.type === 'chunk' ? output.code : Buffer.from(output.source).toString('latin1')
}
