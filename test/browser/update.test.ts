import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Phone, takePhone } from './browser.ts'
import { type Door, enrol, next, openDoor, present } from './door.ts'

let door: Door
let phone: Phone
let deployment: Deployment

beforeAll(async () => {
  door = await openDoor()
  deployment = await deploy(door.server.url)
  phone = await takePhone()
})

afterAll(async () => {
  await phone?.close()
  deployment?.server.close()
  await door?.close()
})

test('a new version waits while an answer is on the screen, and comes when nobody scans', async () => {
  const { page } = phone
  // The page's own clock, which runs as ever but can be put forward: nobody has to wait for the page to be idle.
  await page.clock.install()
  await enrol(page, (await door.invite()).replace(door.server.url, deployment.url))
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  const [first] = await shells(page)
  const { token } = await door.issue()
  await present(page, token)

  deployment.isNew = true
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/scan'))?.update())
  await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration('/scan'))?.waiting)
  // It looks for an occasion every five seconds, and ten without a scan are one.
  await pass(page, 20)
  expect(await page.locator('.verdict').isVisible()).toBe(true)
  expect(await shells(page)).toContain(first)

  await next(page)
  await Promise.all([page.waitForEvent('load'), pass(page, 10)])
  await page.locator('.door').waitFor()
  // Both versions were whole at any time; the old one is gone now.
  const after = await shells(page)
  expect(after).toHaveLength(1)
  expect(after).not.toContain(first)
})

/**
 * Puts the page's clock forward, second by second. A call that runs out of its time in the same breath in which it was
 * made is given up before the service worker has heard of it, and Chromium then takes that worker to be busy for minutes.
 */
async function pass(page: Page, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await page.clock.runFor(1000)
    await sleep(100)
  }
}

function shells(page: Page): Promise<string[]> {
  return page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith('scanner-shell-')))
}

type Deployment = { url: string; isNew: boolean; server: HttpServer }

/** Stands before the server, and deploys a new version when told: its service worker names another one. */
async function deploy(behind: string): Promise<Deployment> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
    const answer = await fetch(behind + request.url, {
      method: request.method ?? 'GET',
      headers,
      ...(hasBody ? { body: Buffer.concat(chunks) } : {}),
      redirect: 'manual',
    })
    let body = Buffer.from(await answer.arrayBuffer())
    if (request.url === '/service-worker.js' && deployment.isNew) {
      body = Buffer.from(body.toString().replace(/version:"\w+"/, 'version:"thenextone"'))
    }
    const kept = [...answer.headers].filter(
      ([name]) => !/^(content-(length|encoding)|etag|transfer-encoding)$/.test(name),
    )
    response.writeHead(answer.status, Object.fromEntries(kept)).end(body)
  })
  // No socket through here: the scanner does without.
  server.on('upgrade', (_, socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, isNew: false, server }
}
