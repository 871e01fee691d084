import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { VERSION } from '../../workers/version.ts'

const root = join(import.meta.dirname, '../..')
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const sources = files.filter((path) => /\.(ts|tsx|mts)$/.test(path))
const importsOf = (path: string) =>
  [...read(path).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target = '']) => target)
const localImports = (path: string) =>
  importsOf(path)
    .filter((target) => target.startsWith('.'))
    .map((target) => relative(root, normalize(join(root, dirname(path), target))))
const folderOf = (path: string) => path.split('/')[0] ?? ''

/** Who may import whom, beside itself. What is not named here may import anything. */
const allowed: Record<string, string[]> = {
  core: [],
  'durable-objects': ['core'],
  workers: ['core', 'durable-objects'],
  web: ['core'],
  cli: ['core'],
}

describe('the tree', () => {
  it('imports in one direction only', () => {
    const astray = sources.flatMap((path) =>
      localImports(path)
        .filter((target) => folderOf(target) !== folderOf(path))
        .filter((target) => allowed[folderOf(path)]?.includes(folderOf(target)) === false)
        .map((target) => `${path} imports ${target}`),
    )
    expect(astray).toEqual([])
  })

  it('has no circle of imports', () => {
    const circles: string[] = []
    const done = new Set<string>()
    const visit = (path: string, trail: string[]) => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      if (done.has(path) || trail.includes(path)) return
      for (const target of valueImports(path)) visit(target, [...trail, path])
      done.add(path)
    }
    for (const path of sources) visit(path, [])
    expect(circles).toEqual([])
  })

  it('keeps clock and chance out of core', () => {
    const impure = sources
      .filter((path) => folderOf(path) === 'core')
      .filter((path) => /Date\.now|new Date\(\)|Math\.random|getRandomValues|randomUUID|performance\./.test(read(path)))
    expect(impure).toEqual([])
  })

  it('runs locally with everything that wrangler.toml binds', () => {
    const bound = [...read('wrangler.toml').matchAll(/\b(?:binding|name) = "([A-Z_]+)"/g)].map(([, name = '']) => name)
    const secrets = [...(/required = \[(.*)\]/.exec(read('wrangler.toml'))?.[1] ?? '').matchAll(/"(\w+)"/g)]
    const local = read('cli/local-runtime.ts')
    const names = [...bound, ...secrets.map(([, name = '']) => name)]
    expect(names).toContain('GATEKEEPER')
    expect(names.filter((name) => !local.includes(`${name}: {`))).toEqual([])
  })

  it('speaks to the logs of the edge in one place', () => {
    const loud = sources
      .filter((path) => ['workers', 'durable-objects'].includes(folderOf(path)))
      .filter((path) => path !== 'durable-objects/logging.ts' && /\bconsole\./.test(read(path)))
    expect(loud).toEqual([])
  })

  it('says one version', () => {
    expect(JSON.parse(read('package.json')).version).toBe(VERSION)
  })

  it('threat 41: pins what it depends on', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json'))
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    }
  })
})

describe('the documents', () => {
  const documents = files.filter((path) => path.endsWith('.md'))
  const top = [...new Set(files.map(folderOf))]

  it('name no path that is not there', () => {
    const missing = documents.flatMap((document) =>
      pathsIn(document)
        .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, dirname(document), path)))
        .map((path) => `${document} names ${path}`),
    )
    expect(missing).toEqual([])
  })

  function pathsIn(document: string): string[] {
    const text = read(document)
    const linked = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, path = '']) => path)
    const quoted = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)*\/?)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => path.includes('/') && top.includes(folderOf(path)))
    return [...linked, ...quoted]
  }
})

/** Imports that exist at run time: types may point at each other. */
function valueImports(path: string): string[] {
  const typeOnly = new Set(
    [...read(path).matchAll(/import type [^;]*?from '([^']+)'/g)].map(([, target = '']) => target),
  )
  return importsOf(path)
    .filter((target) => target.startsWith('.') && !typeOnly.has(target))
    .map((target) => relative(root, normalize(join(root, dirname(path), target))))
    .filter((target) => sources.includes(target))
}
