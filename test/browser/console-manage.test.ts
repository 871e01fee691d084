import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client, tokenOf } from '../process/client.ts'
import { adminKey, type Server, startServer } from '../process/server.ts'
import { violations } from './accessible.ts'
import { type Phone, takePhone } from './browser.ts'

let server: Server
let key: string
let organisationId: string
let organiser: Client
let desk: Phone
let page: Page
let home: string
let path: string
let phone: Client

beforeAll(async () => {
  server = await startServer()
  const made = await new Client(server.url, adminKey).ask<{ key: string; organisation: { id: string } }>(
    'POST',
    '/api/organisations',
    { name: 'Expo GmbH' },
  )
  key = made.key
  organisationId = made.organisation.id
  organiser = new Client(server.url, key)
  desk = await takePhone({ viewport: { width: 1280, height: 900 }, isTouch: false })
  page = desk.page
})

afterAll(async () => {
  await desk?.close()
  await server?.remove()
})

const button = (name: string | RegExp) => page.getByRole('button', { name })
const dialog = () => page.getByRole('dialog')
const navigate = (name: string) => page.locator('nav.side').getByRole('link', { name, exact: true }).click()
const heading = (name: string | RegExp) => page.getByRole('heading', { name }).waitFor()
const gone = () => dialog().waitFor({ state: 'detached' })

const csv = [
  'Order;Ticketart;Vorname;Nachname;E-Mail;Wunsch',
  '1001;vip;Ada;Lovelace;ada@example.org;vegan',
  '1002;vip;Grace;Hopper;grace@example.org;',
  '1003;backstage;Alan;Turing;alan@example.org;',
].join('\r\n')

describe('an organiser who sets an event up', () => {
  test('signs in and makes an event', async () => {
    await page.goto(`${server.url}/console/new`)
    await page.getByLabel('Key').fill(key)
    await button('Sign in').click()
    await page.getByLabel('Title').fill('Night of Lights')
    await button('Make the event').click()
    await page.waitForURL(/events\/[0-9a-f-]{36}$/)
    home = new URL(page.url()).pathname
    path = `/api${home.slice('/console'.length)}`
  })

  test('says what is sold, and hears at the field what is wrong with it', async () => {
    await navigate('Ticket types')
    await heading('No ticket types yet')
    await button('Add a ticket type').first().click()
    await dialog().getByLabel('Id', { exact: true }).fill('vip/gold')
    await dialog().getByLabel('Name', { exact: true }).fill('VIP')
    await dialog().getByLabel('People per ticket', { exact: true }).fill('many')
    await button('Save').click()
    await dialog().getByText('People per ticket must be of type number').waitFor()
    await dialog().getByLabel('People per ticket', { exact: true }).fill('1')
    await button('Save').click()
    await dialog()
      .getByText(/^Id must be 1 to 64 letters/)
      .waitFor()
    await dialog().getByLabel('Id', { exact: true }).fill('vip')
    await button('Save').click()
    await gone()
    await page.getByRole('rowheader', { name: 'VIP' }).waitFor()
  })

  test('adds a gate that takes only some types, and finds it so again', async () => {
    await navigate('Gates')
    await button('Add a gate').first().click()
    await dialog().getByLabel('Id', { exact: true }).fill('north')
    await dialog().getByLabel('Name', { exact: true }).fill('North Door')
    await dialog().getByRole('checkbox', { name: 'VIP' }).check()
    await button('Save').click()
    await gone()
    await button('Change North Door').click()
    expect(await dialog().getByRole('checkbox', { name: 'VIP' }).isChecked()).toBe(true)
    await button('Cancel').click()
  })

  test('adds somebody who works there', async () => {
    await navigate('Staff')
    await button('Add somebody').first().click()
    await dialog().getByLabel('Id', { exact: true }).fill('sam')
    await dialog().getByLabel('Name', { exact: true }).fill('Sam Carter')
    await button('Save').click()
    await gone()
    await page.getByRole('cell', { name: 'Scanner' }).waitFor()
  })
})

describe('an organiser who imports a guest list', () => {
  test('sees what would happen before anything does', async () => {
    await navigate('Import')
    await page
      .getByLabel('Choose a file')
      .setInputFiles({ name: 'guests.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
    await heading('guests.csv')
    expect(await figures()).toEqual({ 'New tickets': '2', 'Known already': '0', 'Wrong rows': '1' })
    await page.getByRole('cell', { name: 'Ada Lovelace, ada@example.org' }).waitFor()
    expect(await page.getByLabel('What the column Order is').inputValue()).toBe('bookingId')
    expect((await organiser.ask<{ items: unknown[] }>('GET', `${path}/tickets`)).items).toEqual([])
  })

  test('says what a column is that was not known, and that another is left alone', async () => {
    await page.getByLabel('What the column Wunsch is').selectOption('note')
    await expect.poll(() => page.getByLabel('What the column Wunsch is').inputValue()).toBe('note')
    await page.getByLabel('What the column Order is').selectOption('reference')
    await page.getByRole('cell', { name: '1001' }).waitFor()
  })

  test('issues them, and is shown which rows were wrong and why', async () => {
    await button('Issue 2 tickets').click()
    await heading('Import is done, with 1 wrong row')
    expect(await figures()).toEqual({ 'New tickets': '2', 'Known already': '0', 'Wrong rows': '1' })
    const wrong = page.getByRole('table', { name: 'Wrong rows' }).getByRole('row').nth(1)
    expect(await wrong.textContent()).toMatch(/^4Ticket type/)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download all wrong rows' }).click(),
    ])
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^"row","field","message"\r\n"4","type",/)
  })
})

describe('an organiser while the doors are open', () => {
  test('enrols a phone with the code on the screen', async () => {
    await navigate('Devices')
    await button('Enrol a device').click()
    await button('Show the code').click()
    await dialog().getByRole('img', { name: 'QR code that opens the scanner' }).waitFor()
    expect(await page.locator('.countdown').textContent()).toMatch(/^(10:00|9:\d\d)$/)
    const code = (await page.locator('[data-enrolment]').textContent()) ?? ''
    const { staffToken } = await new Client(server.url, null).ask<{ staffToken: string }>(
      'POST',
      '/api/devices/enrol',
      { code: code.trim(), deviceName: 'Door 1, left', deviceType: 'mobile' },
    )
    phone = new Client(server.url, staffToken)
    await dialog().getByText('The device is enrolled.').waitFor()
    await button('Close').click()
    await page.getByRole('rowheader', { name: 'Door 1, left' }).waitFor()
  })

  test('finds a ticket by a part of its holder’s name', async () => {
    await navigate('Tickets')
    await page.getByRole('searchbox').fill('lovel')
    await page.getByRole('link', { name: 'Grace Hopper' }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Ada Lovelace' }).click()
    await heading('Ada Lovelace')
    await heading('Never scanned')
    expect(await page.locator('dl.facts').textContent()).toContain('vegan')
  })

  test('sees a scan in the history of its ticket', async () => {
    const { status } = await scanShownTicket()
    expect(status).toBe(200)
    await button('Refresh').click()
    const row = page
      .getByRole('table', { name: /^Scans of this ticket/ })
      .getByRole('row')
      .nth(1)
    await expect.poll(() => row.textContent()).toMatch(/Admitted.*North Door/)
  })

  test('is told what revoking does, revokes, and the very next scan is refused', async () => {
    await button('Revoke').click()
    await dialog().getByText('The ticket is refused everywhere from the very next scan.').first().waitFor()
    await dialog().getByLabel('Reason').fill('Sold twice')
    await dialog().getByRole('button', { name: 'Revoke' }).click()
    await gone()
    const refused = await scanShownTicket()
    expect([refused.status, refused.body.code]).toEqual([403, 'revoked'])
    await button('Refresh').click()
    await page
      .getByRole('table', { name: /^Scans of this ticket/ })
      .getByText('Revoked')
      .waitFor()
  })

  test('gives the right back, and erases the person', async () => {
    await button('Restore').click()
    await dialog().getByRole('button', { name: 'Restore' }).click()
    await gone()
    await page.locator('.heading').getByText('Valid').waitFor()
    await button('Erase the person').click()
    await dialog().getByRole('button', { name: 'Erase the person' }).click()
    await gone()
    await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor({ state: 'detached' })
    expect(await page.locator('main').textContent()).not.toContain('Ada')
  })

  test('finds the scans in the log, filtered', async () => {
    await navigate('Scans')
    await page.getByLabel('Refused because').selectOption('revoked')
    await expect.poll(() => page.getByRole('table', { name: 'Scans' }).locator('tbody tr').count()).toBe(1)
    expect(page.url()).toContain('code=revoked')
  })

  test('reads in the report what happened', async () => {
    await navigate('Report')
    await page.locator('.figures').waitFor()
    expect(await figures()).toMatchObject({ Tickets: '2', 'People let in': '1', Refused: '1', Scans: '2' })
    await page.getByRole('rowheader', { name: 'Revoked' }).waitFor()
  })

  test('has every invariant checked anew', async () => {
    await navigate('Integrity')
    await button('Check now').click()
    await page.getByText('Everything agrees.').waitFor()
  })

  test('takes a device out, and its next scan is refused', async () => {
    await navigate('Devices')
    await button('Revoke Door 1, left').click()
    await dialog().getByRole('button', { name: 'Revoke' }).click()
    await gone()
    expect((await scanShownTicket()).body.code).toBe('device_revoked')
  })
})

describe('an organiser who looks after the doors', () => {
  test('is told of a conflict, and deals with it', async () => {
    const { items } = await organiser.ask<{ items: { id: string; reference: string }[] }>('GET', `${path}/tickets`)
    const other = items.find(({ reference }) => reference === '1002')
    const qrPayload = await tokenOf(organiser, path, other?.id ?? '')
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
    const alone = (minutes: number) => ({
      scanId: crypto.randomUUID(),
      qrPayload,
      gateId: 'north',
      localTimestamp: minutesAgo(minutes),
      verdict: 'admitted',
    })
    await organiser.ask('POST', '/api/hp-scanner/offline-sync', {
      eventId: path.split('/').at(-1),
      scans: [alone(9), alone(5)],
      syncedAt: minutesAgo(0),
    })
    await navigate('Alerts')
    await page.getByRole('link', { name: 'To the conflicts' }).first().click()
    await button('Deal with it').click()
    await dialog().getByLabel('Note').fill('Spoke with the gate.')
    await dialog().getByRole('button', { name: 'Deal with it' }).click()
    await heading('Nothing to deal with')
    await page.getByLabel('State').selectOption({ label: 'Dealt with' })
    await page.getByText('Spoke with the gate.').waitFor()
  })

  test('reads the trail of a device, and who changed what', async () => {
    await navigate('Devices')
    await page.getByRole('link', { name: 'Door 1, left' }).click()
    await page.getByRole('heading', { name: 'Codes that were none' }).waitFor()
    await navigate('Changes')
    await page.getByRole('row', { name: /Conflict dealt with/ }).waitFor()
    await page
      .getByRole('row', { name: /Device revoked/ })
      .getByText('First key, key (Organiser)')
      .waitFor()
  })
})

describe('an organiser who settles the event', () => {
  test('changes a limit, and hears what is wrong at its field', async () => {
    await navigate('Settings')
    const limits = page.getByRole('region', { name: 'Limits of a device' })
    await limits.getByLabel('Scans a minute').fill('0')
    await limits.getByRole('button', { name: 'Save' }).click()
    await limits.getByText('Scans a minute must be at least 1').waitFor()
    await limits.getByLabel('Scans a minute').fill('90')
    await limits.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('status').getByText('Saved').waitFor()
    const { event } = await organiser.ask<{ event: { limits: Record<string, number> } }>('GET', path)
    expect(event.limits.scansPerMinute).toBe(90)
  })

  test('says how long people are kept, with the keyboard alone, and hears that nobody may keep them longer', async () => {
    const keeping = page.getByRole('region', { name: 'How long things are kept' })
    const days = keeping.getByRole('textbox', { name: 'Days that people are kept' })
    const said = async () => {
      const below = page.locator(`[id="${await days.getAttribute('aria-describedby')}"]`)
      return below.textContent()
    }
    expect(await said()).toMatch(
      /30 days unless you say less; more is not possible\. With what is saved now they are taken away on /,
    )
    await days.focus()
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('31')
    await page.keyboard.press('Enter')
    await keeping.getByText('Days that people are kept must be at most 30').waitFor()
    await expect.poll(() => days.evaluate((input) => input === document.activeElement)).toBe(true)
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('14')
    await page.keyboard.press('Enter')
    type Kept = { event: { retention: object } }
    await expect
      .poll(async () => (await organiser.ask<Kept>('GET', path)).event.retention)
      .toEqual({ personDays: 14, deviceDays: 30, logDays: 365 })
  })

  test('adds a zone', async () => {
    const zones = page.getByRole('region', { name: 'Zones' })
    await button('Add a zone').click()
    await zones.getByLabel('Name').last().fill('Backstage')
    await zones.getByLabel('Room for (optional)').last().fill('40')
    await zones.getByRole('button', { name: 'Save' }).click()
    await expect
      .poll(async () => (await organiser.ask<{ event: { zones: object[] } }>('GET', path)).event.zones)
      .toMatchObject([{ id: 'main' }, { name: 'Backstage', capacity: 40 }])
  })

  test('makes a webhook, whose secret is shown once', async () => {
    await navigate('Webhooks')
    await button('Add a webhook').click()
    await dialog().getByLabel('Name', { exact: true }).fill('crm')
    await dialog().getByLabel('Address', { exact: true }).fill('http://10.0.0.1/')
    await button('Save').click()
    await dialog()
      .getByText(/^Address must/)
      .waitFor()
    await dialog().getByLabel('Address', { exact: true }).fill('https://hooks.example.org/doors')
    await button('Save').click()
    expect(await page.locator('[data-secret]').textContent()).toMatch(/^whsec_/)
    await button('I have it').click()
    await gone()
    expect(await page.content()).not.toContain('whsec_')
  })

  test('makes a key for a colleague and revokes it', async () => {
    await page.goto(`${server.url}/console/organisations/${organisationId}/keys`)
    await button('Make a key').click()
    await dialog().getByLabel('Name', { exact: true }).fill('Box office')
    await button('Make the key').click()
    const made = (await page.locator('[data-secret]').textContent()) ?? ''
    expect((await new Client(server.url, made).send('GET', path)).status).toBe(200)
    await button('I have it').click()
    await button('Revoke Box office').click()
    await dialog().getByRole('button', { name: 'Revoke' }).click()
    await gone()
    expect((await new Client(server.url, made).send('GET', path)).status).toBe(401)
  })

  test('sees every gate of an expo, of which one answer holds two hundred', async () => {
    const { event } = await organiser.ask<{ event: { id: string } }>('POST', '/api/events', {
      title: 'Expo',
      startsAt: '2027-03-01T09:00:00Z',
      endsAt: '2027-03-03T18:00:00Z',
      timezone: 'Europe/Berlin',
    })
    const lanes = Array.from({ length: 201 }, (_, lane) => 100 + lane)
    for (const lane of lanes) {
      await organiser.ask('PUT', `/api/events/${event.id}/gates/LANE-${lane}`, { name: `Lane ${lane}`, kind: 'entry' })
    }
    await page.goto(`${server.url}/console/events/${event.id}/gates`)
    await page.getByRole('rowheader', { name: 'Lane 300', exact: true }).waitFor()
    expect(await page.getByRole('rowheader', { name: /^Lane \d+$/ }).count()).toBe(lanes.length)
  })

  test('sees no error, and nothing that the page’s policy forbids', () => {
    expect(desk.complaints).toEqual([])
  })
})

const screens = [
  'tickets',
  'import',
  'ticket-types',
  'gates',
  'staff',
  'devices',
  'entries',
  'alerts',
  'duplicates',
  'conflicts?state=all',
  'audit',
  'reports',
  'integrity',
  'settings',
  'code-formats',
  'webhooks',
]

describe('each screen for everybody', () => {
  test('has no violation that axe finds, in light and dark, at a desk and on a phone', {
    timeout: 180_000,
  }, async () => {
    const viewer = await takePhone({ viewport: { width: 1280, height: 900 }, isTouch: false, bypassCsp: true })
    try {
      const checked = viewer.page
      await checked.goto(`${server.url}/console`)
      // Who deployed sees every screen.
      await checked.getByLabel('Key').fill(adminKey)
      await checked.getByRole('button', { name: 'Sign in' }).click()
      await checked.getByRole('link', { name: /Night of Lights/ }).waitFor()
      const { items } = await organiser.ask<{ items: { id: string }[] }>('GET', `${path}/tickets`)
      const { items: devices } = await organiser.ask<{ items: { id: string }[] }>('GET', `${path}/devices`)
      const ofEvent = [...screens, `tickets/${items[0]?.id}`, `devices/${devices[0]?.id}`]
      const places = ofEvent.map((screen) => `${home}/${screen}`)
      const ofOrganisation = ['keys', 'members', 'audit'].map((screen) => `${organisationId}/${screen}`)
      const organisations = ['', ...ofOrganisation].map((screen) => `/console/organisations/${screen}`)
      for (const place of [...places, ...organisations]) {
        await checked.goto(server.url + place)
        await checked.locator('h1').waitFor()
        await checked.locator('.loading').waitFor({ state: 'detached' })
        for (const colorScheme of ['light', 'dark'] as const) {
          await checked.emulateMedia({ colorScheme })
          for (const width of [1280, 360]) {
            await checked.setViewportSize({ width, height: 740 })
            await shoot(checked, `${nameOf(place)}-${colorScheme}-${width}`)
            const found = await violations(checked, colorScheme === 'light' ? 'everything' : 'colours')
            expect.soft(found, `${place} in ${colorScheme} at ${width}`).toEqual([])
            const isWider = await checked.evaluate(() => document.documentElement.scrollWidth > innerWidth)
            expect.soft(isWider, `${place} scrolls sideways at ${width}`).toBe(false)
          }
        }
      }
    } finally {
      await viewer.close()
    }
  })
})

function nameOf(place: string): string {
  const [, , what, , screen, one] = place.split('/')
  return [what, screen?.split('?')[0], one && 'one'].filter(Boolean).join('-')
}

/** For looking at: where a folder is named in the environment. */
async function shoot(shown: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder) await shown.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}

/** The ticket that is shown now is held up at its gate. */
async function scanShownTicket() {
  const { items } = await organiser.ask<{ items: { id: string; reference: string }[] }>('GET', `${path}/tickets`)
  const ticket = items.find(({ reference }) => reference === '1001')
  const qrPayload = await tokenOf(organiser, path, ticket?.id ?? '')
  return phone.scan({ qrPayload, gateId: 'north' })
}

async function figures(): Promise<Record<string, string>> {
  const shown = await page.locator('.figures > div').all()
  const pairs = shown.map(async (one) => [
    (await one.locator('dt').textContent()) ?? '',
    (await one.locator('dd').textContent()) ?? '',
  ])
  return Object.fromEntries(await Promise.all(pairs))
}
