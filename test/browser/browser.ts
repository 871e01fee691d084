import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import chromium from '@sparticuz/chromium'
import { type BrowserContext, chromium as launcher, type Page } from 'playwright-core'

/** A browser with a profile of its own, as one phone is: what it stores, it finds again, and nobody else does. */
export type Phone = {
  context: BrowserContext
  page: Page
  /** What went wrong in its pages: errors, and what the page's policy forbade. Nothing should have. */
  complaints: string[]
  close: () => Promise<void>
}

type Options = {
  /** A video (Y4M or MJPEG) that its camera shows, over and over. Without one it has a camera that shows a test card. */
  video?: string
  locale?: string
  viewport?: { width: number; height: number }
  isTouch?: boolean
  /** Lets a test put scripts of its own into the page. */
  bypassCsp?: boolean
}

const phoneSize = { width: 360, height: 740 }

/** Starts the browser that comes with `npm ci`; whoever did so must `close` it. */
export async function takePhone({
  video,
  locale = 'en',
  viewport = phoneSize,
  isTouch = true,
  bypassCsp = false,
}: Options = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'admit-one-phone-'))
  const context = await launcher.launchPersistentContext(profile, {
    executablePath: await chromium.executablePath(),
    headless: true,
    locale,
    viewport,
    hasTouch: isTouch,
    bypassCSP: bypassCsp,
    permissions: ['camera'],
    args: [...quiet, ...camera(video)],
  })
  // Whoever waits for something that does not come wants to know before the test is over.
  context.setDefaultTimeout(15_000)
  // On a busy machine an answer might be gone before a test could read it.
  await context.addInitScript(() => {
    if (!localStorage.getItem('admit-one-settings')) {
      localStorage.setItem('admit-one-settings', JSON.stringify({ stays: true }))
    }
  })
  const complaints: string[] = []
  const page = context.pages()[0] ?? (await context.newPage())
  const listen = (to: Page) => {
    to.on('pageerror', (error) => complaints.push(error.message))
    to.on('console', (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) complaints.push(message.text())
    })
  }
  listen(page)
  context.on('page', listen)
  const phone: Phone = {
    context,
    page,
    complaints,
    close: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return phone
}

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function camera(video: string | undefined): string[] {
  return [
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    ...(video ? [`--use-file-for-fake-video-capture=${video}`] : []),
  ]
}
