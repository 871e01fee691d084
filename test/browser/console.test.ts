import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAccessTeam } from '../process/access-team.ts'
import { Client, gateA, openVenue, type Venue } from '../process/client.ts'
import { adminKey, type Server, startServer } from '../process/server.ts'
import { violations } from './accessible.ts'
import { type Phone, takePhone } from './browser.ts'

let server: Server
let team: Awaited<ReturnType<typeof startAccessTeam>>
let key: string

beforeAll(async () => {
  team = await startAccessTeam()
  server = await startServer({ env: team.settings })
  const made = await new Client(server.url, adminKey).ask<{ key: string }>('POST', '/api/organisations', {
    name: 'Expo GmbH',
  })
  key = made.key
})

afterAll(async () => {
  await server?.remove()
  team?.stop()
})

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
    await page.getByRole('heading', { name: 'Night of Lights' }).waitFor()
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

describe('somebody who comes through Cloudflare Access', () => {
  const admin = () => new Client(server.url, adminKey)
  const email = 'olga@organisers.example'
  let desk: Phone
  let page: Page
  let members: { path: string; id: string }[]

  beforeAll(async () => {
    desk = await takePhone({ viewport: { width: 1280, height: 800 }, isTouch: false })
    page = desk.page
    await desk.context.setExtraHTTPHeaders({ 'Cf-Access-Jwt-Assertion': await team.assertion({ email }) })
  })
  afterAll(() => desk?.close())

  const join = async (name: string, role: string) => {
    const { organisation } = await admin().ask<{ organisation: { id: string } }>('POST', '/api/organisations', { name })
    const path = `/api/organisations/${organisation.id}/members`
    const { member } = await admin().ask<{ member: { id: string } }>('POST', path, { email, role })
    return { path, id: member.id }
  }

  test('is told that no organisation has them, and may still use a key', async () => {
    await page.goto(`${server.url}/console`)
    await page.getByText('no organisation here has your address among its members').waitFor()
    await page.getByLabel('Key').waitFor()
  })

  test('is in as soon as they are a member, with no key, and sees what their role may', async () => {
    members = [await join('First Hall', 'viewer')]
    await page.reload()
    await page.getByRole('heading', { name: 'There is no event yet' }).waitFor()
    await page.getByText('First Hall').waitFor()
  })

  test('chooses for which of their organisations they act', async () => {
    members.push(await join('Second Hall', 'organiser'))
    await page.reload()
    await page.getByLabel('Organisation').selectOption({ label: 'Second Hall' })
    await page.getByRole('heading', { name: 'Make your first event' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Make your first event' }).waitFor()
  })

  test('changes nothing from a page of another site, though their browser brings everything along', async () => {
    const headers = { 'Cf-Access-Jwt-Assertion': await team.assertion({ email }), 'Content-Type': 'application/json' }
    const invite = (more: Record<string, string>) =>
      fetch(`${server.url}${members[1]?.path}`, {
        method: 'POST',
        headers: { ...headers, ...more },
        body: JSON.stringify({ email: 'mallory@evil.example', role: 'organiser' }),
      })
    expect((await invite({ Origin: 'https://evil.example' })).status).toBe(401)
    expect((await invite({ 'Sec-Fetch-Site': 'cross-site' })).status).toBe(401)
  })

  test('is out at once when they are taken out of the members', async () => {
    for (const { path, id } of members) await admin().ask('DELETE', `${path}/${id}`)
    await page.getByRole('link', { name: 'New event' }).click()
    await page.getByRole('button', { name: 'Make the event' }).click()
    await page.getByLabel('Title').fill('Too late')
    await page.getByRole('button', { name: 'Make the event' }).click()
    await page.getByRole('heading', { name: 'You were signed out' }).waitFor()
    await page.getByRole('button', { name: 'Sign in again' }).click()
    await page.getByText('no organisation here has your address among its members').waitFor()
  })

  test('sees no error, and nothing that the page’s policy forbids', () => {
    expect(desk.complaints).toEqual([])
  })
})

describe('the live view', () => {
  let venue: Venue
  let desk: Phone
  let page: Page

  beforeAll(async () => {
    venue = await openVenue(server.url, { devices: 1, tickets: 12 })
    desk = await takePhone({ viewport: { width: 1280, height: 800 }, isTouch: false })
    page = desk.page
    await page.goto(`${server.url}/console/events/${venue.eventId}`)
    await signIn(page, venue.organiser.credential ?? '')
  })
  afterAll(() => desk?.close())

  const scan = (ticket: number) =>
    venue.devices[0]?.send('POST', '/api/hp-scanner/validate-qr', {
      scanId: crypto.randomUUID(),
      qrPayload: venue.tickets[ticket]?.token,
      gateId: gateA,
    })
  const tile = (name: string) => page.locator('.number-tile', { hasText: name }).locator('strong')

  test('says that there was no scan yet', async () => {
    await page.getByRole('heading', { name: 'No scans yet' }).waitFor()
    expect(await tile('Inside').textContent()).toBe('0')
  })

  test('shows a scan that is made while somebody looks', async () => {
    await scan(0)
    await page.locator('.newest li', { hasText: 'Main Entrance' }).waitFor()
    await tile('Inside').getByText('1', { exact: true }).waitFor()
    expect(await page.locator('.number-tile', { hasText: 'Let in' }).textContent()).toContain('1 of 12 tickets')
  })

  test('is told of it, and asks for nothing while that is so', async () => {
    await page.locator('.fresh').getByText('Live', { exact: true }).waitFor()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await scan(9)
    await tile('Inside').getByText('2', { exact: true }).waitFor()
    expect(asked.filter((path) => path.endsWith(venue.eventId) || path.endsWith('/entries'))).toEqual([])
  })

  test('shows a ticket that is tried twice as that, and not among those let in', async () => {
    await scan(0)
    await page.locator('.newest li', { hasText: 'Already in' }).waitFor()
    await tile('Shown twice').getByText('1', { exact: true }).waitFor()
    expect(await tile('Inside').textContent()).toBe('2')
  })

  test('has a table behind each picture', async () => {
    for (let ticket = 1; ticket < 8; ticket++) await scan(ticket)
    await tile('Inside').getByText('9', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'As a table' }).first().click()
    const table = page.getByRole('table', { name: 'Every minute' })
    await table.waitFor()
    const letIn = async () => (await table.locator('tbody td:nth-child(2)').allTextContents()).map(Number)
    await expect.poll(async () => (await letIn()).reduce((sum, count) => sum + count, 0), { timeout: 20_000 }).toBe(9)
  })

  test('keeps the last numbers without a network, says how old they are, and goes on when it is back', async () => {
    await desk.context.setOffline(true)
    await page.getByText(/No network. Numbers from/).waitFor()
    expect(await tile('Inside').textContent()).toBe('9')
    await scan(8)
    await desk.context.setOffline(false)
    await tile('Inside').getByText('10', { exact: true }).waitFor({ timeout: 40_000 })
    await page.getByText(/Numbers from/).waitFor({ state: 'detached' })
  })

  test('names what is worrying', async () => {
    await venue.organiser.ask('PATCH', venue.path, { capacity: 11 })
    await page.getByText('Main: nearly full.').waitFor()
  })

  test('sees no error, and nothing that the page’s policy forbids', () => {
    expect(desk.complaints).toEqual([])
  })
})

describe('the console for everybody', () => {
  let eventId: string

  beforeAll(async () => {
    eventId = await aBusyEvening(new Client(server.url, key))
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [
      { width: 360, height: 740 },
      { width: 1280, height: 800 },
    ]) {
      test(`${colorScheme === 'light' ? 'breaks no rule of accessibility' : 'has colours that can be told apart'}, ${colorScheme}, ${viewport.width} wide`, async () => {
        const desk = await takePhone({ viewport, bypassCsp: true })
        try {
          const { page } = desk
          await page.emulateMedia({ colorScheme })
          const found: string[] = []
          const look = async (name: string) => {
            await shoot(page, `${name}-${colorScheme}-${viewport.width}`)
            found.push(
              ...(await violations(page, colorScheme === 'light' ? 'everything' : 'colours')).map(
                (one) => `${name}: ${one}`,
              ),
            )
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
          await page.goto(`${server.url}/console/events/${eventId}`)
          await page.locator('.newest li').first().waitFor()
          await page.locator('.plot canvas').first().waitFor()
          await look('live')
          await page.getByRole('button', { name: 'As a table' }).first().click()
          await look('live-table')
          if (viewport.width < 900) {
            await page.getByRole('button', { name: 'More' }).click()
            await page.getByRole('dialog').waitFor()
            await look('menu')
          }
          expect(found).toEqual([])
        } finally {
          await desk.close()
        }
      })
    }
  }
})

/** An event at which a good deal happened in the last hour, at three gates. */
async function aBusyEvening(organiser: Client): Promise<string> {
  const hour = 3_600_000
  const { event } = await organiser.ask<{ event: { id: string } }>('POST', '/api/events', {
    title: 'Harbour Sessions',
    startsAt: new Date(Date.now() - 2 * hour).toISOString(),
    endsAt: new Date(Date.now() + 4 * hour).toISOString(),
    timezone: 'Europe/Lisbon',
    location: 'Doca de Alcântara',
    zones: [
      { id: 'main', name: 'Quay', capacity: 400 },
      { id: 'boat', name: 'Boat', capacity: 60 },
    ],
  })
  const path = `/api/events/${event.id}`
  await organiser.ask('PUT', `${path}/ticket-types/day`, { name: 'Evening', zones: ['main', 'boat'] })
  await organiser.ask('PUT', `${path}/gates/north`, { name: 'North gate' })
  await organiser.ask('PUT', `${path}/gates/south`, { name: 'South gate' })
  await organiser.ask('PUT', `${path}/gates/pier`, { name: 'Pier', zone: 'boat' })
  const codes = [...Array(320).keys()].map((i) => `EVENING-${i}`)
  await organiser.ask('POST', `${path}/tickets`, { tickets: codes.map((code) => ({ type: 'day', code })) })
  const at = (i: number) => new Date(Date.now() - hour + (hour * i) / 300 + 9000 * Math.sin(i)).toISOString()
  const scans = codes.slice(0, 250).flatMap((qrPayload, i) => {
    const one = (gateId: string) => ({
      scanId: crypto.randomUUID(),
      qrPayload,
      gateId,
      localTimestamp: at(i),
      verdict: 'admitted',
    })
    return [one(i % 3 === 0 ? 'south' : 'north'), ...(i % 4 === 0 && i < 228 ? [one('pier')] : [])]
  })
  const again = codes.slice(0, 24).map((qrPayload, i) => ({
    scanId: crypto.randomUUID(),
    qrPayload: i % 3 === 0 ? 'NO TICKET AT ALL' : qrPayload,
    gateId: 'north',
    localTimestamp: at(200 + i),
  }))
  for (const batch of [scans.slice(0, 200), scans.slice(200), again]) {
    await organiser.ask('POST', '/api/hp-scanner/offline-sync', {
      eventId: event.id,
      scans: batch,
      syncedAt: new Date().toISOString(),
    })
  }
  return event.id
}

async function signIn(page: Page, text: string): Promise<void> {
  await page.getByLabel('Key').fill(text)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** To be looked at: where the folder that the environment names is. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}
