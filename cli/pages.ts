import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, inOneLine } from './failure.ts'

/** Where the built pages lie; what wrangler.toml says of them, for the local runtime. */
export const pagesDir = 'web/dist'

// What is built from. The lock file stands for the libraries, the other for our version.
const sources = ['web', 'core', 'package.json', 'package-lock.json']
const stamp = '.built-from'

/** Builds the pages where anything that they are made of has changed since; gives whether it did. */
export async function buildPages(root: string): Promise<boolean> {
  const wanted = hashOf(root)
  if (builtFrom(root) === wanted) return false
  // Beside it and then in one step, so that nobody ever serves half a page.
  const fresh = mkdtempSync(join(root, 'web/dist-'))
  try {
    const { build } = await import('vite')
    await build({
      configFile: join(root, 'web/build/vite.config.ts'),
      configLoader: 'native',
      build: { outDir: fresh },
    })
    writeFileSync(join(fresh, stamp), wanted)
    writeFileSync(join(fresh, '.assetsignore'), `${stamp}\n.assetsignore\n`)
    replace(join(root, pagesDir), fresh)
    return true
  } catch (error) {
    // Another server was started at the same time, and was a moment faster.
    if (builtFrom(root) === wanted) return true
    throw new Failure(`The pages in web/ could not be built: ${inOneLine(error)}`)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function replace(dir: string, fresh: string): void {
  const old = `${fresh}-old`
  try {
    renameSync(dir, old)
  } catch {
    // It was never built.
  }
  renameSync(fresh, dir)
  rmSync(old, { recursive: true, force: true })
}

function builtFrom(root: string): string | null {
  try {
    return readFileSync(join(root, pagesDir, stamp), 'utf8')
  } catch {
    // It was never built, or somebody removed it.
    return null
  }
}

function hashOf(root: string): string {
  const hash = createHash('sha256')
  for (const file of sources.flatMap((source) => filesIn(root, source))) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

function filesIn(root: string, path: string): string[] {
  if (!path.includes('/') && path.includes('.')) return [path]
  return readdirSync(join(root, path), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('dist') && !name.endsWith('.tsbuildinfo'))
    .flatMap((entry) => {
      const inner = `${path}/${entry.name}`
      return entry.isDirectory() ? filesIn(root, inner) : [inner]
    })
    .sort()
}
