import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Phone, takePhone } from './browser.ts'
import { type Door, enrol, next, openDoor, present } from './door.ts'

let door: Door
let phone: Phone
let page: Page

beforeAll(async () => {
  door = await openDoor()
  phone = await takePhone({ isTouch: false })
  page = phone.page
  await enrol(page, await door.invite())
})

afterAll(async () => {
  await phone?.close()
  await door?.close()
})

describe('with nothing but a keyboard', () => {
  test.each(['Type a code', 'Search', 'Sell', 'Menu'])(
    '“%s” opens, closes, and the focus comes back to it',
    async (name) => {
      await reach(name)
      await page.keyboard.press('Enter')
      await page.locator('.sheet').waitFor()
      await focusIn('.sheet')
      await page.keyboard.press('Escape')
      await page.locator('.sheet').waitFor({ state: 'detached' })
      await focusOn(name)
    },
  )

  test.each([
    'Gate',
    'Shift',
    'Last scans',
    'Conflicts',
    'Ready without network?',
    'Settings',
    'Turnstile mode',
    'Sign out',
  ])('“%s” opens from the menu, and Escape leads back to it', async (name) => {
    await openFromMenu(name)
    await page.keyboard.press('Escape')
    if (await isAtDoor()) return focusOn('Menu')
    await focusOn(name)
    await page.keyboard.press('Escape')
    await page.locator('.sheet').waitFor({ state: 'detached' })
    await focusOn('Menu')
  })

  test('a code is typed, and its answer left', async () => {
    const { token } = await door.issue()
    await reach('Type a code')
    await page.keyboard.press('Enter')
    await focusIn('.sheet')
    await tabTo(() => document.activeElement instanceof HTMLInputElement)
    // As a person does: not so fast as to be taken for a hand scanner.
    await page.keyboard.insertText(token)
    await page.keyboard.press('Enter')
    await page.locator('.verdict[data-outcome=admitted]').waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.verdict').waitFor({ state: 'detached' })
  })

  test('an admission is taken back, and a duplicate let in with a reason', async () => {
    const { token } = await door.issue()
    await present(page, token)
    await reach('Take back')
    await page.keyboard.press('Enter')
    await page.locator('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await focusOn('Take back')
    await next(page)
    await present(page, token)
    await reach('Let in anyway')
    await page.keyboard.press('Enter')
    await reach('Booking seen')
    await page.keyboard.press('Enter')
    await page.locator('.verdict[data-outcome=admitted]').waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.verdict').waitFor({ state: 'detached' })
  })

  test('somebody is found by name and let in', async () => {
    await door.issue({ holder: { name: 'Emmy Noether' } })
    await reach('Search')
    await page.keyboard.press('Enter')
    await focusIn('.sheet')
    await tabTo(() => document.activeElement instanceof HTMLInputElement)
    await page.keyboard.type('Noether', { delay: 70 })
    await page.getByText('Emmy Noether').waitFor()
    await reach('Let in')
    await page.keyboard.press('Enter')
    await page.locator('.verdict[data-outcome=admitted]').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.verdict').waitFor({ state: 'detached' })
  })

  test('another gate is chosen, and the way in or out with the arrows', async () => {
    await reach('Main Entrance')
    await page.keyboard.press('Enter')
    await reach('Turnstile')
    await page.keyboard.press('Enter')
    await page.locator('.sheet').waitFor({ state: 'detached' })
    await tabTo(() => (document.activeElement as HTMLInputElement | null)?.type === 'radio')
    await page.keyboard.press('ArrowRight')
    expect(await page.getByRole('radio').last().isChecked()).toBe(true)
    await page.keyboard.press('ArrowLeft')
  })

  test('a shift begins and ends', async () => {
    await openFromMenu('Shift')
    await reach('Start')
    await page.keyboard.press('Enter')
    await reach('End')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.locator('.sheet').waitFor({ state: 'detached' })
  })

  test('a PIN is set with the digits, and opens a turnstile again', async () => {
    await openFromMenu('Settings')
    await reach('Set a PIN')
    await page.keyboard.press('Enter')
    await typePin('2468')
    await page.getByText('The same PIN once more').waitFor()
    await typePin('2468')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('Escape')
    await reach('Turnstile mode')
    await page.keyboard.press('Enter')
    await reach('Start turnstile mode')
    await page.keyboard.press('Enter')
    await page.locator('.kiosk').waitFor()
    await reach('Leave turnstile mode')
    await page.keyboard.press('Enter')
    await typePin('2468')
    await page.locator('.door').waitFor()
  })

  test('and no page complained', () => {
    expect(phone.complaints).toEqual([])
  })
})

/** Presses Tab until what has the focus is a button with this name. */
async function reach(name: string): Promise<void> {
  await page.getByRole('button', { name }).first().waitFor()
  await tabTo(isOn, name)
}

/** Whether a button with this name has the focus; it runs in the page. */
function isOn(name: string): boolean {
  const { activeElement: on } = document
  return on instanceof HTMLButtonElement && `${on.ariaLabel ?? ''}${on.textContent}`.includes(name)
}

async function tabTo(isThere: (name: string) => boolean, name = ''): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await page.evaluate(isThere, name)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reached ${name || 'it'}`)
}

async function focusOn(name: string): Promise<void> {
  await page.waitForFunction(isOn, name)
}

async function focusIn(selector: string): Promise<void> {
  await page.waitForFunction((wanted) => document.querySelector(wanted)?.contains(document.activeElement), selector)
}

function isAtDoor(): Promise<boolean> {
  return page.evaluate(() => document.querySelector('.sheet') === null)
}

async function openFromMenu(name: string): Promise<void> {
  await reach('Menu')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Menu' }).waitFor()
  await reach(name)
  await page.keyboard.press('Enter')
  await focusIn('.sheet')
  await page.getByRole('heading', { name: 'Menu', exact: true }).waitFor({ state: 'detached' })
}

async function typePin(pin: string): Promise<void> {
  await page.locator('dialog').waitFor()
  for (const digit of pin) await page.keyboard.press(digit, { delay: 70 })
  await reach('OK')
  await page.keyboard.press('Enter')
}
