import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { enrol as enrolDevice } from '../process/client.ts'
import { violations } from './accessible.ts'
import { type Phone, takePhone } from './browser.ts'
import { answer, type Door, enrol, next, openDoor, present, wedge } from './door.ts'

let door: Door

beforeAll(async () => {
  door = await openDoor()
})

afterAll(() => door?.close())

describe('a supervisor’s phone at the door', () => {
  let phone: Phone
  let page: Page
  let onCamera: { token: string }
  let invitation: string

  beforeAll(async () => {
    onCamera = await door.issue({ holder: { name: 'Grace Hopper' } })
    phone = await takePhone({ video: door.video(onCamera.token) })
    page = phone.page
    invitation = await door.invite()
  })
  afterAll(() => phone?.close())

  test('is set up with a link, which is nowhere to be seen afterwards', async () => {
    await enrol(page, invitation)
    expect(page.url()).toBe(`${door.server.url}/scan`)
    expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(2)
  })

  test('lets in whoever holds a code before the camera: moving, tilted, not quite sharp', async () => {
    const { outcome, text } = await answer(page)
    expect(outcome).toBe('admitted')
    expect(text).toMatch(/Come in/)
    expect(text).toMatch(/Grace Hopper/)
    await next(page)
  })

  test('refuses the same code when it is held up again, saying when and where it came in', async () => {
    const { outcome, text } = await answer(page)
    expect(outcome).toBe('already_admitted')
    expect(text).toMatch(/First let in: .*Main Entrance/)
    expect(text).toMatch(/this device/)
  })

  test('takes what a hand scanner types, wherever the focus is, and leaves fields as they were', async () => {
    await next(page)
    // The camera has to be looking elsewhere.
    await page.getByRole('button', { name: 'Search' }).click()
    const field = page.getByRole('searchbox')
    await field.fill('Hop')
    const { token } = await door.issue({ holder: { name: 'Alan Turing' } })
    await field.focus()
    await wedge(page, token)
    const { outcome, text } = await answer(page)
    expect(outcome).toBe('admitted')
    expect(text).toMatch(/Alan Turing/)
  })

  test('shows no error and nothing that its policy forbids', () => {
    expect(phone.complaints).toEqual([])
  })
})

describe('what a scanner says', () => {
  let phone: Phone
  let page: Page

  beforeAll(async () => {
    phone = await takePhone()
    page = phone.page
    await enrol(page, await door.invite())
  })
  afterAll(() => phone?.close())

  const change = (id: string, how: string) =>
    door.venue.organiser.ask('POST', `${door.venue.path}/tickets/${id}/${how}`, { reason: 'lost' })

  test('to a revoked ticket', async () => {
    const { id, token } = await door.issue()
    await change(id, 'revoke')
    expect(await present(page, token)).toMatchObject({ outcome: 'revoked', text: expect.stringMatching(/lost/) })
  })

  test('to one on hold, and to one that is not paid', async () => {
    const held = await door.issue()
    await change(held.id, 'block')
    expect((await present(page, held.token)).outcome).toBe('blocked')
    const unpaid = await door.issue({ paid: false })
    expect((await present(page, unpaid.token)).outcome).toBe('unpaid')
  })

  test('to one that is too early, with the time from which it is valid', async () => {
    const { token } = await door.issue({ validFrom: new Date(Date.now() + 7_200_000).toISOString() })
    const { outcome, text } = await present(page, token)
    expect(outcome).toBe('too_early')
    expect(text).toMatch(/Valid from: .*\d/)
  })

  test('to what is no ticket, and to a ticket somebody changed: alike, and nothing about why', async () => {
    const { token } = await door.issue()
    const forged = `${token.slice(0, 100)}${token[100] === 'A' ? 'B' : 'A'}${token.slice(101)}`
    expect((await present(page, forged)).outcome).toBe('unreadable')
    expect((await present(page, 'HTTPS://EXAMPLE.COM/MENU')).outcome).toMatch(/unreadable|unknown/)
  })

  test('to a party: how many came in and how many may follow, and it lets those in too', async () => {
    const { token } = await door.issue({ type: 'vip', admits: 3, requiresAttention: true, note: 'Needs the lift' })
    const { text } = await present(page, token)
    expect(text).toMatch(/Still to come on this ticket: 2/)
    await isWholeOnASmallPhone()
    await page.getByRole('button', { name: 'One more' }).last().click()
    await page.getByRole('button', { name: 'Let more in' }).click()
    await page.getByText('People: 2').waitFor()
    expect((await answer(page)).text).not.toMatch(/Still to come/)
  })

  /** Nothing of what is said lies under a button or outside of the screen. */
  async function isWholeOnASmallPhone(): Promise<void> {
    const usual = page.viewportSize()
    await page.setViewportSize({ width: 320, height: 568 })
    const last = await page.locator('.facts li').last().boundingBox()
    const actions = await page.locator('.verdict-actions').boundingBox()
    expect((last?.y ?? 0) + (last?.height ?? 0)).toBeLessThanOrEqual(actions?.y ?? 0)
    expect((actions?.y ?? 0) + (actions?.height ?? 0)).toBeLessThanOrEqual(568)
    if (usual) await page.setViewportSize(usual)
  }

  test('to a ticket that came in at another device: when and where, in words for people', async () => {
    const { token } = await door.issue()
    const colleague = await enrolDevice(door.venue.organiser, door.venue.path)
    await colleague.scan({ scanId: crypto.randomUUID(), qrPayload: token })
    const { outcome, text } = await present(page, token)
    expect(outcome).toBe('already_admitted')
    expect(text).toMatch(/First let in: .*Main Entrance/)
    expect(text).toMatch(/By: another device/)
    expect(text).not.toMatch(/\bsam\b/)
  })

  test('to a duplicate that a supervisor lets in all the same, with the reason that was overruled', async () => {
    const { token } = await door.issue()
    await present(page, token)
    expect((await present(page, token)).outcome).toBe('already_admitted')
    await page.getByRole('button', { name: 'Let in anyway' }).click()
    await page.getByRole('button', { name: 'Booking seen' }).click()
    await page.locator('.verdict[data-outcome=admitted]').waitFor()
    expect((await answer(page)).text).toMatch(/Let in by a supervisor/)
  })

  test('to an admission that was taken back: the ticket may come in again', async () => {
    const { token } = await door.issue()
    await present(page, token)
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
    await page.locator('.verdict').waitFor({ state: 'detached' })
    expect((await present(page, token)).outcome).toBe('admitted')
  })

  test('at another gate, at an exit and at a stand', async () => {
    const { token } = await door.issue()
    await goTo(page, 'VIP Entrance')
    const { outcome, text } = await present(page, token)
    expect(outcome).toBe('wrong_gate')
    expect(text).toMatch(/Go to: .*Main Entrance/)
    await goTo(page, 'Sponsor’s stand')
    expect((await present(page, token)).outcome).toBe('visited')
    await goTo(page, 'Exit')
    expect((await present(page, token)).outcome).toBe('exited')
    await goTo(page, 'Main Entrance')
  })

  test('to a code that a hand scanner typed with another keyboard in mind: the keys tell', async () => {
    if (await page.locator('.verdict').isVisible()) await next(page)
    const { token } = await door.issue()
    await page.evaluate((text) => {
      // As a French layout has it: digits need Shift, and A and Q, W and Z change places.
      const french: Record<string, string> = { A: 'q', Q: 'a', Z: 'w', W: 'z', 2: 'é', 3: '"', 4: "'", 5: '(', 1: '&' }
      for (const sign of text) {
        const code = /\d/.test(sign) ? `Digit${sign}` : `Key${sign}`
        const key = french[sign] ?? sign.toLowerCase()
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true }))
      }
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
    }, token)
    expect((await answer(page)).outcome).toBe('admitted')
  })

  test('has the door’s top in focus as soon as an answer is gone, and takes it from nobody afterwards', async () => {
    await present(page, (await door.issue()).token)
    // It has to be watching before the key is pressed: the page may hear the key first.
    const watched = await page.evaluateHandle(() => ({
      tag: new Promise<string | undefined>((gone) => {
        const observer = new MutationObserver(() => {
          if (document.querySelector('.verdict')) return
          observer.disconnect()
          gone(document.activeElement?.tagName)
        })
        observer.observe(document.body, { childList: true, subtree: true })
      }),
    }))
    await page.keyboard.press('Escape')
    expect(await watched.evaluate(({ tag }) => tag)).toBe('H1')
  })

  test('needs no mouse: Enter and Escape go on to the next, Escape leads back', async () => {
    const { token } = await door.issue()
    for (const key of ['Enter', 'Escape']) {
      await present(page, token)
      await page.keyboard.press(key)
      await page.locator('.verdict').waitFor({ state: 'detached' })
    }
    await page.keyboard.press('Tab')
    await page.getByRole('button', { name: 'Menu' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Menu' }).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.sheet').waitFor({ state: 'detached' })
  })
})

describe('a scanner whose network is gone', () => {
  let phone: Phone
  let page: Page

  beforeAll(async () => {
    phone = await takePhone()
    page = phone.page
    await enrol(page, await door.invite())
  })
  afterAll(() => phone?.close())

  test('says when it is ready for that', () => isReady(page))

  test('starts from cold, and lets in, and refuses, and says that it decided alone', async () => {
    const { token } = await door.issue()
    const used = await door.issue()
    await present(page, used.token)
    await next(page)
    await phone.context.setOffline(true)
    await page.reload()
    await page.locator('.door').waitFor()
    expect(await page.locator('.status-bar').textContent()).toMatch(/No network/)
    const yes = await present(page, token)
    expect(yes.outcome).toBe('admitted')
    expect(yes.text).toMatch(/Decided by this device/)
    expect((await present(page, token)).outcome).toBe('already_admitted')
    expect((await present(page, used.token)).outcome).toBe('already_admitted')
    const forged = `${token.slice(0, 100)}${token[100] === 'A' ? 'B' : 'A'}${token.slice(101)}`
    expect((await present(page, forged)).outcome).toMatch(/forged|unreadable/)
    await page.getByText(/Waiting: [1-9]/).waitFor()
  })

  test('says before signing out what would be lost', async () => {
    await next(page)
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.locator('.menu').getByRole('button', { name: 'Sign out' }).click()
    await page.getByText(/were not sent yet and would be lost: [1-9]/).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
  })

  test('sends everything once there is a network again', async () => {
    await phone.context.setOffline(false)
    await page.getByText('Waiting: 0').waitFor({ timeout: 40_000 })
    expect(phone.complaints).toEqual([])
  })
})

describe('two scanners that were cut off from each other', () => {
  test('both let the same ticket in, and both are told when they are back', async () => {
    const phones = [await takePhone(), await takePhone()]
    try {
      const { token } = await door.issue()
      for (const { page, context } of phones) {
        await enrol(page, await door.invite())
        await isReady(page)
        await context.setOffline(true)
      }
      for (const { page } of phones) {
        const { outcome, text } = await present(page, token)
        expect(outcome).toBe('admitted')
        expect(text).toMatch(/Decided by this device/)
        await next(page)
      }
      for (const { context } of phones) await context.setOffline(false)
      for (const { page } of phones) await page.getByText('Conflicts: 1').waitFor({ timeout: 40_000 })
      const told = await Promise.all(phones.map(({ page }) => conflictsOf(page)))
      expect(told.filter((text) => text.includes('At this device'))).toHaveLength(1)
      expect(told.filter((text) => text.includes('At another device'))).toHaveLength(1)
      for (const text of told) expect(text).toMatch(/Standard.*Shown: Admitted.*By the list: Already in/s)
    } finally {
      for (const phone of phones) await phone.close()
    }
  })

  async function conflictsOf(page: Page): Promise<string> {
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.locator('.menu').getByRole('button', { name: 'Conflicts' }).click()
    return (await page.locator('.conflicts').allInnerTexts()).join()
  }
})

describe('a scanner that the organiser takes out', () => {
  test('says so, and has nothing left of the event', async () => {
    const phone = await takePhone()
    const { page } = phone
    try {
      await enrol(page, await door.invite())
      await isReady(page)
      expect(await page.evaluate(keptKeys)).toContain('snapshot')
      const { items } = await door.venue.organiser.ask<{ items: { id: string; enrolledAt: string }[] }>(
        'GET',
        `${door.venue.path}/devices`,
      )
      const [newest] = items.sort((a, b) => b.enrolledAt.localeCompare(a.enrolledAt))
      await door.venue.organiser.ask('POST', `${door.venue.path}/devices/${newest?.id}/revoke`, {})
      await page.getByText('The organiser signed this device out').waitFor()
      // The code it was set up with was used: there is another to be asked for.
      await page.getByLabel('Code or link').waitFor()
      await page.reload()
      await page.locator('.enrol').waitFor()
      const kept = await page.evaluate(keptKeys)
      expect(kept).not.toContain('device')
      expect(kept).not.toContain('snapshot')
    } finally {
      await phone.close()
    }
  })
})

/** The names of everything that the page keeps in its databases. */
async function keptKeys(): Promise<string[]> {
  const keys: string[] = []
  for (const { name = '' } of await indexedDB.databases()) {
    const database = await settled(indexedDB.open(name))
    for (const store of database.objectStoreNames) {
      keys.push(...(await settled(database.transaction(store).objectStore(store).getAllKeys())).map(String))
    }
    database.close()
  }
  return keys

  function settled<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  }
}

describe('a scanner that was set up for no gate', () => {
  test('asks for one first, and scans there', async () => {
    const phone = await takePhone()
    const { page } = phone
    try {
      await enrol(page, await door.invite('sam', null))
      await page.getByRole('heading', { name: 'Which gate?' }).waitFor()
      await page.locator('.menu').getByRole('button', { name: 'Side Door' }).click()
      const { token } = await door.issue()
      expect((await present(page, token)).outcome).toBe('admitted')
      expect((await present(page, token)).text).toMatch(/First let in: .*Side Door/)
    } finally {
      await phone.close()
    }
  })
})

describe('a turnstile', () => {
  test('shows an arrow or a cross and no name, and lets nobody out without the PIN', async () => {
    const phone = await takePhone()
    const { page } = phone
    try {
      await enrol(page, await door.invite())
      await page.getByRole('button', { name: 'Menu' }).click()
      await page.locator('.menu').getByRole('button', { name: 'Settings' }).click()
      await page.getByRole('button', { name: 'Set a PIN' }).click()
      await typePin(page, '2468')
      await page.getByText('The same PIN once more').waitFor()
      await typePin(page, '2468')
      await page.getByRole('button', { name: 'Change the PIN' }).waitFor()
      await page.locator('dialog').waitFor({ state: 'detached' })
      await page.keyboard.press('Escape')
      await page.locator('.menu').getByRole('button', { name: 'Turnstile mode' }).click()
      await page.getByRole('button', { name: 'Start turnstile mode' }).click()
      const said = page.locator('.kiosk-said')
      const { token } = await door.issue({ holder: { name: 'Ada Lovelace' } })
      await wedge(page, token)
      await page.getByText('Go ahead').waitFor()
      expect(await page.locator('body').textContent()).not.toMatch(/Ada|Lovelace/)
      await wedge(page, token)
      await page.locator('.kiosk-said[data-tone=bad]').waitFor()
      expect(await said.textContent()).toMatch(/Already in/)
      await page.getByRole('button', { name: 'Leave turnstile mode' }).click()
      await typePin(page, '1111')
      await page.getByText('Wrong PIN.').waitFor()
      await typePin(page, '2468')
      await page.locator('.door').waitFor()
    } finally {
      await phone.close()
    }
  })

  async function typePin(page: Page, pin: string): Promise<void> {
    for (const digit of pin) await page.locator('.pin-keys').getByRole('button', { name: digit }).click()
    await page.locator('.pin-keys .primary').click()
  }
})

describe('everybody can use each screen', () => {
  let phone: Phone
  let page: Page

  beforeAll(async () => {
    // Axe is put into the page, which its policy would forbid.
    phone = await takePhone({ bypassCsp: true })
    page = phone.page
  })
  afterAll(() => phone?.close())

  const complaints = () => violations(page)

  test('the one to set it up', async () => {
    await page.goto(`${door.server.url}/scan`)
    await page.locator('.enrol').waitFor()
    expect(await complaints()).toEqual([])
  })

  test('the door', async () => {
    await enrol(page, await door.invite())
    expect(await complaints()).toEqual([])
  })

  test('yes, and no', async () => {
    const { token } = await door.issue()
    await present(page, token)
    expect(await complaints()).toEqual([])
    await present(page, token)
    expect(await complaints()).toEqual([])
    await next(page)
  })

  test.each(['Type a code', 'Search', 'Sell'])('%s', async (name) => {
    await page.getByRole('button', { name }).click()
    await page.locator('.sheet').waitFor()
    expect(await complaints()).toEqual([])
    await page.keyboard.press('Escape')
  })

  test.each([
    'Gate',
    'Shift',
    'Last scans',
    'Conflicts',
    'Ready without network?',
    'Settings',
    'Turnstile mode',
    'Sign out',
  ])('%s', async (name) => {
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.locator('.menu').getByRole('button', { name }).click()
    await page.locator('.sheet h1').waitFor()
    expect(await complaints()).toEqual([])
    await page.getByRole('button', { name: 'Back', exact: true }).click()
    if (await page.getByRole('heading', { name: 'Menu' }).isVisible()) await page.keyboard.press('Escape')
    await page.locator('.sheet').waitFor({ state: 'detached' })
  })
})

describe('a scanner in another language', () => {
  test('speaks the browser’s, from right to left where that is how it is read', async () => {
    const phone = await takePhone({ locale: 'ar-EG' })
    try {
      await enrol(phone.page, await door.invite())
      expect(await phone.page.evaluate(() => document.documentElement.dir)).toBe('rtl')
      const { token } = await door.issue()
      expect((await present(phone.page, token)).text).toMatch(/تفضّل/)
    } finally {
      await phone.close()
    }
  })
})

describe('on a bad network', () => {
  test('the door opens with no more than 60 KB', async () => {
    const html = await (await fetch(`${door.server.url}/scan`)).text()
    const worker = await (await fetch(`${door.server.url}/service-worker.js`)).text()
    const first = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, file = '']) => file)
    const languages = [...worker.matchAll(/"(\/assets\/(?:en|de|fr|es|hi|ar)-[^"]+)"/g)].map(([, file = '']) => file)
    expect(languages.length).toBe(6)
    const sizeOf = async (file: string) => gzipSync(await (await fetch(door.server.url + file)).text()).length
    const language = Math.max(...(await Promise.all(languages.map(sizeOf))))
    const sizes = await Promise.all(first.map(sizeOf))
    const total = [gzipSync(html).length, language, ...sizes].reduce((sum, size) => sum + size)
    expect(total).toBeLessThanOrEqual(60 * 1024)
  })
})

/** Looks until the scanner says that it could do without a network. */
async function isReady(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.locator('.menu').getByRole('button', { name: 'Ready' }).click()
  await page.locator('.ready[data-ready=true]').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.locator('.sheet').waitFor({ state: 'detached' })
}

async function goTo(page: Page, gate: string): Promise<void> {
  if (await page.locator('.verdict').isVisible()) await next(page)
  await page.locator('.gate-button').click()
  await page.locator('.menu').getByRole('button', { name: gate }).click()
  await page.locator('.sheet').waitFor({ state: 'detached' })
}
