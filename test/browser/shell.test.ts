import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../process/server.ts'
import { type Phone, takePhone } from './browser.ts'

let server: Server
let phone: Phone

beforeAll(async () => {
  server = await startServer()
  phone = await takePhone()
})

afterAll(async () => {
  await phone?.close()
  await server?.remove()
})

describe('the scanner’s page', () => {
  test('comes up under its own policy', async () => {
    await phone.page.goto(`${server.url}/scan`)
    await phone.page.getByRole('heading').first().waitFor()
    expect(phone.complaints).toEqual([])
  })

  test('lets nobody else frame it, and takes scripts from nowhere else', async () => {
    const { headers } = await fetch(`${server.url}/scan`)
    const policy = headers.get('Content-Security-Policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|\*/)
    expect(headers.get('Cache-Control')).toBe('no-cache')
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
  })

  test('names its files by what is in them, so that they may be kept for ever', async () => {
    const html = await (await fetch(`${server.url}/scan`)).text()
    const files = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, file = '']) => file)
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) {
      const response = await fetch(server.url + file)
      expect(response.headers.get('Cache-Control')).toContain('immutable')
      expect(file).toMatch(/-[\w-]{8}\.(js|css)$/)
    }
  })
})
