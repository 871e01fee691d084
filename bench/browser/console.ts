import { setTimeout as sleep } from 'node:timers/promises'
import { takePhone } from '../../test/browser/browser.ts'
import { type Client, inParallel, issuePrinted, openVenue } from '../../test/process/client.ts'
import { startServer } from '../../test/process/server.ts'
import { quantile } from '../quantile.ts'

/*
 * How smooth the console's live view is, and how soon a scan is on it: a large event with many gates and two hours of
 * arrivals behind it, in a real browser, while scans stream in. `npm run bench:frames`
 */

const GATES = 24
const BEFORE = 6000
const DURING = 20
const A_SECOND = 25
const TWO_HOURS_MS = 2 * 60 * 60 * 1000

/** A frame that took longer than this was seen: at 60 a second at least one was left out. */
const DROPPED_MS = 25

const server = await startServer()
try {
  const venue = await openVenue(server.url, { devices: 8, tickets: 0 })
  const { organiser, path, eventId, devices } = venue
  const gates = Array.from({ length: GATES }, (_, i) => `GATE-${i + 1}`)
  for (const gate of gates) await organiser.ask('PUT', `${path}/gates/${gate}`, { name: `Entrance ${gate.slice(5)}` })
  const codes = (await issuePrinted(organiser, path, BEFORE + DURING * A_SECOND + 500)).map(({ token }) => token)
  await fill(organiser, eventId, codes.splice(0, BEFORE), gates)

  const desk = await takePhone({ viewport: { width: 1280, height: 800 }, isTouch: false })
  const { page } = desk
  await page.goto(`${server.url}/console/events/${eventId}`)
  await page.getByLabel('Key').fill(organiser.credential ?? '')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('.fresh').getByText('Live', { exact: true }).waitFor({ timeout: 60_000 })
  await page.locator('.plot canvas').nth(1).waitFor()
  await page.evaluate(watch)

  const inside = await page.context().newCDPSession(page)
  await inside.send('Performance.enable')
  const [quiet, quietWork] = await working(5, () => framesIn(5))
  const sent: { at: number; count: number }[] = []
  const shownBefore = await page.evaluate(() => (globalThis as unknown as Watched).shown.at(-1)?.count ?? 0)
  const busy = working(DURING, () => framesIn(DURING))
  for (let i = 0; i < DURING * A_SECOND; i++) {
    const device = devices[i % devices.length]
    const at = Date.now()
    // Open loop: nobody at a door waits for whoever is at another.
    void device
      ?.scan({ qrPayload: codes[i] ?? '', gateId: gates[i % GATES] ?? '', scanId: crypto.randomUUID() })
      .then(({ body }) => {
        if (body.verdict === 'admitted') sent.push({ at, count: sent.length + 1 })
      })
    await sleep(1000 / A_SECOND)
  }
  const [frames, work] = await busy
  await sleep(1500)
  const shown = await page.evaluate(() => (globalThis as unknown as Watched).shown)
  await desk.close()

  const delays = sent.flatMap(({ at, count }) => {
    const seen = shown.find((one) => one.count >= shownBefore + count)
    return seen ? [seen.at - at] : []
  })
  console.log(`${BEFORE} scans before, ${GATES} gates, ${A_SECOND} scans a second for ${DURING} s, 1280 by 800`)
  for (const [name, of, used] of [
    ['nothing happens', quiet, quietWork],
    ['scans stream in', frames, work],
  ] as const) {
    const ms = (share: number) => `${quantile(of, share).toFixed(1)} ms`
    const dropped = of.filter((frame) => frame > DROPPED_MS).length
    const share = ((100 * dropped) / of.length).toFixed(1)
    console.log(
      `${name}: ${of.length} frames, median ${ms(0.5)}, p95 ${ms(0.95)}, worst ${ms(1)}, dropped ${share} %; ${(100 * used).toFixed(0)} % of the page’s thread`,
    )
  }
  const ms = (share: number) => `${Math.round(quantile(delays, share))} ms`
  console.log(
    `scan sent to number shown, ${delays.length} of ${sent.length}: median ${ms(0.5)}, p95 ${ms(0.95)}, worst ${ms(1)}`,
  )

  /** Does something for so long; gives with it the share of the time in which the page's own thread worked. */
  async function working<T>(seconds: number, what: () => Promise<T>): Promise<[T, number]> {
    const before = await worked()
    const result = await what()
    return [result, ((await worked()) - before) / seconds]
  }

  async function worked(): Promise<number> {
    const { metrics } = await inside.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
  }

  function framesIn(seconds: number): Promise<number[]> {
    return page.evaluate(
      (ms) =>
        new Promise<number[]>((resolve) => {
          const times: number[] = []
          const until = performance.now() + ms
          let last = performance.now()
          const next = (now: number) => {
            times.push(now - last)
            last = now
            if (now < until) requestAnimationFrame(next)
            else resolve(times.slice(1))
          }
          requestAnimationFrame(next)
        }),
      seconds * 1000,
    )
  }
} finally {
  await server.remove()
}

type Watched = { shown: { at: number; count: number }[] }

/** In the page: notes when the number of people let in becomes another. */
function watch(): void {
  const page = globalThis as unknown as Watched
  const tiles = [...document.querySelectorAll('.number-tile')]
  const number = tiles.find((tile) => tile.querySelector('dt')?.textContent === 'Let in')?.querySelector('strong')
  const read = () => Number((number?.textContent ?? '').replace(/\D/g, ''))
  page.shown = [{ at: Date.now(), count: read() }]
  if (!number) throw new Error('the live view has no such number')
  const changed = () => {
    // When it was painted, and not when it was put there.
    requestAnimationFrame(() => page.shown.push({ at: Date.now(), count: read() }))
  }
  new MutationObserver(changed).observe(number, { characterData: true, childList: true, subtree: true })
}

/** What gates did in the last two hours, taken over at once. */
async function fill(organiser: Client, eventId: string, codes: string[], gates: string[]): Promise<void> {
  const now = Date.now()
  const scans = codes.map((qrPayload, i) => ({
    scanId: crypto.randomUUID(),
    qrPayload,
    gateId: gates[i % gates.length],
    localTimestamp: new Date(now - TWO_HOURS_MS + (TWO_HOURS_MS * i) / codes.length).toISOString(),
    verdict: 'admitted',
  }))
  const batches = Array.from({ length: Math.ceil(scans.length / 500) }, (_, i) => scans.slice(i * 500, i * 500 + 500))
  await inParallel(batches, 1, (batch) =>
    organiser.ask('POST', '/api/hp-scanner/offline-sync', {
      eventId,
      scans: batch,
      syncedAt: new Date(now).toISOString(),
    }),
  )
}
