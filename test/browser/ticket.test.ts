import type { BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, type Server, startServer } from '../process/server.ts'
import { violations } from './accessible.ts'
import { type Phone, takePhone } from './browser.ts'

let server: Server
let phone: Phone
let plain: Organiser
let rotating: Organiser

beforeAll(async () => {
  server = await startServer()
  plain = await newEvent({})
  rotating = await newEvent({ rotatingCodes: true })
})

afterAll(async () => {
  await phone?.close()
  await server?.remove()
})

/** Each test has a phone of its own, on which nothing was kept. */
async function newPhone(options: Parameters<typeof takePhone>[0] = {}) {
  await phone?.close()
  phone = await takePhone(options)
  return phone
}

async function otherContext(options: BrowserContextOptions) {
  const browser = phone.context.browser()
  if (!browser) throw new Error('the phone has no browser')
  return browser.newContext(options)
}

type Organiser = Awaited<ReturnType<typeof newEvent>>

async function newEvent(policy: object) {
  const { key } = await call('POST', '/api/organisations', adminKey, { name: 'The Organisers' })
  const now = Date.now()
  const { event } = await call('POST', '/api/events', key, {
    title: 'Tech Expo 2026',
    location: 'Hall 7',
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + 36_000_000).toISOString(),
    timezone: 'Europe/Berlin',
    policy,
  })
  const path = `/api/events/${event.id}`
  await call('PUT', `${path}/ticket-types/vip`, key, { name: 'VIP' })
  return { key, path }
}

async function issue({ key, path }: Organiser, ...names: string[]): Promise<{ id: string; url: string }[]> {
  const tickets = names.map((name) => ({ type: 'vip', holder: { name } }))
  return (await call('POST', `${path}/tickets`, key, { tickets })).tickets
}

async function call(method: string, path: string, key: string, body: object) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const response = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return (answer as { data: Record<string, never> }).data as Record<string, never> & Record<string, unknown> as Answer
}
// A test reads what the contract promises, field by field.
// biome-ignore lint/suspicious/noExplicitAny: the answer of any call
type Answer = any

/** Waits until the phone has the page and its script. */
const kept = () =>
  expect
    .poll(() => phone.page.evaluate(async () => (await (await caches.open('tickets-1')).keys()).length), {
      timeout: 15_000,
    })
    .toBe(2)
const code = () => phone.page.locator('#image')
const source = () => code().getAttribute('src')

describe('the attendee’s page', () => {
  test('keeps the screen on, and asks again when it is seen again', async () => {
    const [ticket] = await issue(plain, 'Ada')
    const { page } = await newPhone()
    await page.addInitScript(() => {
      const asked: string[] = []
      Object.assign(globalThis, { asked })
      navigator.wakeLock.request = async (type) => {
        asked.push(type ?? '')
        return {} as WakeLockSentinel
      }
    })
    await page.goto(ticket?.url ?? '')
    const asked = () => page.evaluate(() => (globalThis as unknown as { asked: string[] }).asked)
    await expect.poll(asked).toEqual(['screen'])
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    expect(await asked()).toEqual(['screen', 'screen'])
    expect(phone.complaints).toEqual([])
  })

  test('opens again without a network, with its code, and says that it is a copy', async () => {
    const [mine, other] = await issue(plain, 'Ada', 'Somebody Else')
    const { page, context } = await newPhone()
    await page.goto(mine?.url ?? '')
    const shown = await source()
    await kept()
    await context.setOffline(true)
    await page.reload()
    await page.getByText('Saved copy from').waitFor()
    expect(await source()).toBe(shown)
    expect(await page.getByText('Ada').count()).toBe(1)
    // It makes way for the page of now by itself.
    await context.setOffline(false)
    await page.getByText('Saved copy from').waitFor({ state: 'detached' })
    expect(await source()).toBe(shown)
    expect(phone.complaints).toEqual([])
    // A ticket that was never opened here is nowhere on this phone.
    await context.setOffline(true)
    await expect(page.goto(other?.url ?? '')).rejects.toThrow()
  })

  test('is forgotten by the phone once its link leads nowhere', async () => {
    const [ticket] = await issue(plain, 'Ada')
    const { page, context } = await newPhone()
    await page.goto(ticket?.url ?? '')
    await kept()
    await call('POST', `${plain.path}/tickets/${ticket?.id}/reissue`, plain.key, { newLink: true })
    await page.reload()
    await page.getByText('There is no ticket here').waitFor()
    await context.setOffline(true)
    await expect(page.reload()).rejects.toThrow()
  })

  test('shows everything with scripts switched off', async () => {
    const [ticket] = await issue(plain, 'Ada')
    await newPhone()
    const bare = await otherContext({ javaScriptEnabled: false })
    const page = await bare.newPage()
    await page.goto(ticket?.url ?? '')
    expect(await page.locator('#image').isVisible()).toBe(true)
    expect(await page.getByRole('button').count()).toBe(0)
    await bare.close()
  })

  test.each([
    ['light', 'en'],
    ['dark', 'en'],
    ['dark', 'ar'],
  ] as const)('is there for everybody: %s, %s', async (colorScheme, locale) => {
    const [ticket] = await issue(rotating, 'Ada')
    await newPhone()
    // The checker is a script of its own, which the page's policy would not let in.
    const checked = await otherContext({ bypassCSP: true, colorScheme, locale, viewport: { width: 320, height: 640 } })
    const page = await checked.newPage()
    await page.goto(ticket?.url ?? '')
    expect(await violations(page)).toEqual([])
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '225%'))
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
    await checked.close()
  })

  test('enlarges the code over the whole screen, white, and closes again', async () => {
    const [ticket] = await issue(plain, 'Ada')
    const { page } = await newPhone()
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.goto(ticket?.url ?? '')
    await page.getByRole('button', { name: 'Enlarge the code' }).click()
    const large = page.getByRole('dialog')
    expect(await large.boundingBox()).toMatchObject({ x: 0, y: 0, width: 360, height: 740 })
    expect(await large.evaluate((dialog) => getComputedStyle(dialog).backgroundColor)).toBe('rgb(255, 255, 255)')
    await page.keyboard.press('Escape')
    expect(await large.isVisible()).toBe(false)
  })

  test('prints on one sheet, with a code of more than six centimetres and nothing dark around it', async () => {
    const [ticket] = await issue(plain, 'Ada')
    const { page } = await newPhone()
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.goto(ticket?.url ?? '')
    const pdf = (await page.pdf({ format: 'A4' })).toString('latin1')
    expect(pdf.match(/\/Type \/Page\b(?!s)/g)).toHaveLength(1)
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    const box = await code().boundingBox()
    // CSS has 96 px to the inch; the quiet zone is 8 of 57 modules.
    expect((((box?.width ?? 0) * 49) / 57 / 96) * 2.54).toBeGreaterThan(6)
    const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    expect(background).toBe('rgb(255, 255, 255)')
  })

  test('threat 21: runs nothing that stands in a name', async () => {
    const names = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "'><svg onload=alert(1)>",
      '</style></title><script>alert(1)</script>',
      '--><script>alert(1)</script>',
      '<iframe srcdoc="<script>parent.alert(1)</script>">',
      '<a href="javascript:alert(1)" autofocus onfocus=alert(1)>',
      '\u0000<script>alert(1)</script>',
      '<math><mtext><script>alert(1)</script>',
    ]
    const tickets = await issue(plain, ...names)
    const { page } = await newPhone()
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    for (const [i, { url }] of tickets.entries()) {
      await page.goto(url)
      const shown = await page.locator('dd').first().textContent()
      expect(shown).toContain(names[i]?.replace('\u0000', '').slice(0, 8))
    }
    expect(dialogs).toEqual([])
    expect(phone.complaints).toEqual([])
  })
})

describe('rotating codes on the page', () => {
  /** The server's answers, but each turn lasts as long as the test says. */
  async function hurry(turnMs: number, lifeMs: number) {
    await phone.context.route('**/code', async (route) => {
      const response = await route.fetch()
      const { data, ...rest } = (await response.json()) as { data: Record<string, string> }
      const now = Date.now()
      await route.fulfill({
        json: {
          ...rest,
          data: {
            svg: `${data.svg}#${now}`,
            serverTime: new Date(now).toISOString(),
            nextAt: new Date(now + turnMs).toISOString(),
            validUntil: new Date(now + lifeMs).toISOString(),
          },
        },
      })
    })
    // The page's first turn is the server's: it asks at once when the network comes.
    await phone.page.evaluate(() => dispatchEvent(new Event('online')))
  }

  test('follow one another without a reload', async () => {
    const [ticket] = await issue(rotating, 'Ada')
    const { page } = await newPhone()
    await page.goto(ticket?.url ?? '')
    await page.evaluate(() => Object.assign(globalThis, { sameOne: true }))
    const seen = new Set([await source()])
    await hurry(300, 5000)
    for (let turn = 0; turn < 3; turn++) {
      await expect.poll(async () => seen.has(await source())).toBe(false)
      seen.add(await source())
    }
    expect(await page.evaluate(() => 'sameOne' in globalThis)).toBe(true)
    expect(phone.complaints).toEqual([])
  })

  test('are not shown when they have run out and no new one comes, and come back with the network', async () => {
    const [ticket] = await issue(rotating, 'Ada')
    const { page, context } = await newPhone()
    await page.goto(ticket?.url ?? '')
    await hurry(500, 6000)
    await expect.poll(async () => (await source())?.includes('#')).toBe(true)
    await context.unroute('**/code')
    await context.route('**/code', (route) => route.abort())
    await page.getByText('This code is still good for').waitFor()
    expect(await code().isVisible()).toBe(true)
    await page.getByText('The last code ran out').waitFor()
    expect(await code().isVisible()).toBe(false)
    await context.unroute('**/code')
    await code().waitFor({ state: 'visible' })
    expect(await page.getByText('No network').count()).toBe(0)
  })

  test('are in no copy that the phone keeps', async () => {
    const [ticket] = await issue(rotating, 'Ada')
    const { page, context } = await newPhone()
    await page.goto(ticket?.url ?? '')
    await kept()
    await context.setOffline(true)
    await page.reload()
    await page.getByText('needs a connection').waitFor()
    expect(await code().count()).toBe(0)
    await context.setOffline(false)
    await code().waitFor({ state: 'visible', timeout: 15_000 })
  })
})
