import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client } from '../process/client.ts'
import { adminKey, type Server, startServer } from '../process/server.ts'
import { type Phone, takePhone } from './browser.ts'

let server: Server
let key: string

beforeAll(async () => {
  server = await startServer()
  const made = await new Client(server.url, adminKey).ask<{ key: string }>('POST', '/api/organisations', {
    name: 'Expo GmbH',
  })
  key = made.key
})

afterAll(() => server?.remove())

describe('an organiser at the console', () => {
  let desk: Phone
  let page: Page

  beforeAll(async () => {
    desk = await takePhone({ viewport: { width: 1280, height: 800 }, isTouch: false })
    page = desk.page
  })
  afterAll(() => desk?.close())

  test('is asked for a key, wherever they were going', async () => {
    await page.goto(`${server.url}/console/new`)
    await page.getByRole('heading', { name: 'Admit One' }).waitFor()
    expect(await page.getByLabel('Key').getAttribute('type')).toBe('password')
  })

  test('is told kindly that a key is wrong', async () => {
    await signIn(page, 'a1_org_nobody')
    await page.getByRole('alert').getByText('No one signs in with this key').waitFor()
    expect(page.url()).toBe(`${server.url}/console/new`)
  })

  test('signs in with the right one, is where they were going, and the key is kept nowhere', async () => {
    await signIn(page, key)
    await page.getByRole('heading', { name: 'New event' }).waitFor()
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)
    expect(kept).not.toContain(key)
    expect(kept).not.toContain('session')
  })

  test('sees how to begin where there is no event', async () => {
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Make your first event' }).waitFor()
  })

  test('hears which fields of a new event are wrong, and goes to the first', async () => {
    await page.getByRole('link', { name: 'New event' }).click()
    await page.getByLabel('Capacity').fill('many')
    await page.getByRole('button', { name: 'Make the event' }).click()
    await page.getByText('Title is required').waitFor()
    await page.getByText('Capacity must be a whole number from 1').waitFor()
    expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).labels?.[0]?.textContent)).toBe(
      'Title',
    )
  })

  test('makes an event, whose times are those of its own zone', async () => {
    await page.getByLabel('Title').fill('Night of Lights')
    await page.getByLabel('Capacity').fill('250')
    await page.getByLabel('Time zone').selectOption('America/New_York')
    await page.getByLabel('Doors open').fill('2027-03-01T19:30')
    await page.getByLabel('Ends').fill('2027-03-02T01:00')
    await page.getByRole('button', { name: 'Make the event' }).click()
    await page.getByRole('heading', { name: 'Live' }).waitFor()
    const { items } = await new Client(server.url, key).ask<{ items: { startsAt: string; capacity: number }[] }>(
      'GET',
      '/api/events',
    )
    expect(items).toMatchObject([{ startsAt: '2027-03-02T00:30:00.000Z', capacity: 250 }])
  })

  test('finds an event by a part of its title', async () => {
    await page.getByRole('link', { name: 'Events' }).click()
    const search = page.getByRole('searchbox')
    await search.fill('night of')
    await page.getByRole('link', { name: /Night of Lights/ }).waitFor()
    await search.fill('100%')
    await page.getByRole('heading', { name: 'No event matches' }).waitFor()
    await search.fill('')
  })

  test('goes on where they were after their session has ended, and loses nothing that they typed', async () => {
    await page.getByRole('link', { name: 'New event' }).click()
    await page.getByLabel('Title').fill('Half a thought')
    await desk.context.clearCookies()
    await page.getByRole('button', { name: 'Make the event' }).click()
    await page.getByRole('heading', { name: 'You were signed out' }).waitFor()
    await signIn(page, key)
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await page.getByLabel('Title').inputValue()).toBe('Half a thought')
  })

  test('signs out, and nobody sees anything any more', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Key').waitFor()
    await page.reload()
    await page.getByLabel('Key').waitFor()
    expect(await page.evaluate(async () => (await fetch('/api/session')).status)).toBe(401)
  })

  test('sees no error, and nothing that the page’s policy forbids', () => {
    expect(desk.complaints).toEqual([])
  })
})

describe('the console for everybody', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [
      { width: 360, height: 740 },
      { width: 1280, height: 800 },
    ]) {
      test(`breaks no rule of accessibility, ${colorScheme}, ${viewport.width} wide`, async () => {
        const desk = await takePhone({ viewport, bypassCsp: true })
        try {
          const { page } = desk
          await page.emulateMedia({ colorScheme })
          const found: string[] = []
          const look = async (name: string) => {
            await shoot(page, `${name}-${colorScheme}-${viewport.width}`)
            found.push(...(await violations(page, axe)).map((one) => `${name}: ${one}`))
          }
          await page.goto(`${server.url}/console`)
          await page.getByLabel('Key').waitFor()
          await look('sign-in')
          await signIn(page, key)
          await page.getByRole('link', { name: /Night of Lights/ }).waitFor()
          await look('events')
          await page.goto(`${server.url}/console/new`)
          await page.getByRole('button', { name: 'Make the event' }).click()
          await page.getByText('Title is required').waitFor()
          await look('new-event')
          expect(found).toEqual([])
        } finally {
          await desk.close()
        }
      })
    }
  }
})

async function signIn(page: Page, text: string): Promise<void> {
  await page.getByLabel('Key').fill(text)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

type AxeResults = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }

async function violations(page: Page, axe: string): Promise<string[]> {
  await page.evaluate(axe)
  const results = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  )
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

/** To be looked at: where the folder that the environment names is. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}
