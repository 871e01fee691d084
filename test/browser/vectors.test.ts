import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Phone, takePhone } from './browser.ts'

let phone: Phone

beforeAll(async () => {
  phone = await takePhone()
})

afterAll(() => phone?.close())

type Outcome = { name: string; given: unknown; expected: unknown }

test('a browser opens the published tokens and codes, and judges by the published rules, as Node and workerd do', async () => {
  const { page } = phone
  await page.route('http://localhost/vectors', (route) =>
    // WebCrypto is there only where a page is secure, which one from this computer is.
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Vectors</title>' }),
  )
  await page.goto('http://localhost/vectors')
  await page.addScriptTag({ content: await bundle() })
  const outcomes = await page.evaluate(
    () => (globalThis as unknown as { vectors: { outcomes: Promise<Outcome[]> } }).vectors.outcomes,
  )
  expect(outcomes.length).toBeGreaterThan(250)
  for (const { name, given, expected } of outcomes) expect(given, name).toEqual(expected)
  expect(phone.complaints).toEqual([])
})

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'vectors.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'vectors',
    target: 'es2024',
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}
