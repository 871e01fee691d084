import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type Client, openVenue, tokenOf, type Venue } from '../process/client.ts'
import { type Server, startServer } from '../process/server.ts'
import { frameRate, writeVideo } from './frames.ts'

export type Door = {
  server: Server
  venue: Venue
  /** A ticket with its code, of any kind: `{paid: false}`, `{admits: 3}` … */
  issue: (wanted?: object) => Promise<{ id: string; shortCode: string; token: string }>
  /** An invitation for one device of this member of staff. */
  invite: (staffId?: string, gateId?: string | null) => Promise<string>
  /** A video for the camera: nobody for three seconds, then this code for two, and again. */
  video: (code: string) => string
  close: () => Promise<void>
}

/** An event with gates of each kind, a scanner, a supervisor, and whoever may come. */
export async function openDoor(): Promise<Door> {
  const server = await startServer()
  const videos = mkdtempSync(join(tmpdir(), 'admit-one-video-'))
  const venue = await openVenue(server.url, { devices: 0, tickets: 0 })
  const { organiser, path } = venue
  await organiser.ask('PUT', `${path}/staff/sue`, { name: 'Sue Park', role: 'supervisor' })
  await organiser.ask('PUT', `${path}/ticket-types/vip`, {
    name: 'VIP',
    admits: 4,
    price: { amount: 4500, currency: 'EUR' },
  })
  await organiser.ask('PUT', `${path}/ticket-types/standard`, {
    name: 'Standard',
    price: { amount: 2500, currency: 'EUR' },
  })
  await organiser.ask('PUT', `${path}/gates/GATE-V`, { name: 'VIP Entrance', accepts: ['vip'] })
  await organiser.ask('PUT', `${path}/gates/GATE-X`, { name: 'Exit', kind: 'exit' })
  await organiser.ask('PUT', `${path}/gates/GATE-T`, { name: 'Turnstile', kind: 'both' })
  await organiser.ask('PUT', `${path}/gates/GATE-C`, { name: 'Sponsor’s stand', kind: 'checkpoint' })
  return {
    server,
    venue,
    issue: (wanted) => issueOne(organiser, path, wanted),
    async invite(staffId = 'sue', gateId: string | null = 'GATE-A') {
      const { url } = await organiser.ask<{ url: string }>('POST', `${path}/enrolments`, { staffId, gateId })
      return url
    },
    video(code) {
      const file = join(videos, `${code.slice(2, 12)}.y4m`)
      writeVideo(file, [
        { code: null, frames: 3 * frameRate },
        { code, frames: 2 * frameRate },
      ])
      return file
    },
    async close() {
      rmSync(videos, { recursive: true, force: true })
      await server.remove()
    },
  }
}

async function issueOne(organiser: Client, path: string, wanted: object = {}) {
  const ticket = { type: 'standard', holder: { name: 'Ada Lovelace' }, ...wanted }
  const { tickets } = await organiser.ask<{ tickets: { id: string; shortCode: string }[] }>('POST', `${path}/tickets`, {
    tickets: [ticket],
  })
  const [made] = tickets
  if (!made) throw new Error('nothing was issued')
  return { ...made, token: await tokenOf(organiser, path, made.id) }
}

/** Opens an invitation, names the device, and waits until it is at its door. */
export async function enrol(page: Page, invitation: string): Promise<void> {
  await page.goto(invitation)
  await page.locator('.enrol input').fill('Door 1, left')
  await page.locator('.enrol button[type=submit]').click()
  await page.locator('.door').waitFor()
}

/** As a scanner does that types what it reads: faster than a person, and into whatever has the focus. */
export async function wedge(page: Page, text: string): Promise<void> {
  await page.evaluate((keys) => {
    const startedAt = performance.now()
    for (const [i, key] of [...keys, 'Enter'].entries()) {
      const target = document.activeElement ?? document.body
      const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
      // At a scanner's own pace, whatever holds this page up between two keys.
      Object.defineProperty(event, 'timeStamp', { value: startedAt + i })
      const isHeard = target.dispatchEvent(event)
      if (!isHeard || key === 'Enter' || !(target instanceof HTMLInputElement)) continue
      target.value += key
      target.dispatchEvent(new Event('input', { bubbles: true }))
    }
  }, text)
}

/** Waits for the next answer; gives its outcome and everything it says. */
export async function answer(page: Page): Promise<{ outcome: string | null; text: string }> {
  const verdict = page.locator('.verdict')
  await verdict.waitFor()
  return { outcome: await verdict.getAttribute('data-outcome'), text: (await verdict.allInnerTexts()).join() }
}

/** Holds a code up to the scanner and waits for what it says to it. */
export async function present(page: Page, text: string): Promise<{ outcome: string | null; text: string }> {
  if (await page.locator('.verdict').isVisible()) await next(page)
  await wedge(page, text)
  return answer(page)
}

export async function next(page: Page): Promise<void> {
  await page.locator('.verdict-actions > .primary').click()
  await page.locator('.verdict').waitFor({ state: 'detached' })
}
