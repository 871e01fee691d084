import { SourceMap } from 'node:module'
import { relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { Failure } from './failure.ts'

export type Bundle = {
  code: string
  /** Takes a text of the runtime; gives it with the places in our own files instead of those in the bundle. */
  toSourcePlaces: (text: string) => string
}

/** Takes the worker's entry file; gives it with everything it imports as one module. esbuild tells what is wrong in it. */
export async function bundleWorker(entry: string, root: string): Promise<Bundle> {
  const path = resolve(root, entry)
  const { outputFiles } = await build({
    entryPoints: [path],
    outfile: resolve(root, 'index.js'),
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    target: 'es2023',
    sourcemap: 'external',
    logLevel: 'error',
  }).catch(() => {
    throw new Failure(`The worker ${entry} could not be bundled.`)
  })
  const text = (suffix: string) => outputFiles.find((file) => file.path.endsWith(suffix))?.text ?? ''
  return { code: text('index.js'), toSourcePlaces: sourcePlaces(text('index.js.map'), root) }
}

function sourcePlaces(map: string, root: string): (text: string) => string {
  let parsed: SourceMap | null = null
  return (text) =>
    text.replaceAll(/(?:file:\/\/)?[^\s(]*\bindex\.js:(\d+):(\d+)/g, (place, line: string, column: string) => {
      parsed ??= new SourceMap(JSON.parse(map))
      const entry = parsed.findEntry(Number(line) - 1, Number(column) - 1)
      if (!('originalSource' in entry)) return place
      const source = relative('.', resolve(root, entry.originalSource))
      return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    })
}
