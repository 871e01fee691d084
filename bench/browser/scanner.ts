import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takePhone } from '../../test/browser/browser.ts'
import { enrol, openDoor } from '../../test/browser/door.ts'
import { frameRate, writeVideo } from '../../test/browser/frames.ts'
import { quantile } from '../quantile.ts'

/*
 * How long a person waits: from the camera's frame with their code in it to the painted answer, in a real browser with a
 * fake camera, against a server on this computer. `npm run bench:scanner`
 */

const CODES = 12

const door = await openDoor()
const dir = mkdtempSync(join(tmpdir(), 'admit-one-bench-'))
try {
  const video = join(dir, 'people.y4m')
  const tickets = await Promise.all([...Array(CODES).keys()].map(() => door.issue()))
  writeVideo(
    video,
    tickets.flatMap(({ token }) => [
      { code: token, frames: frameRate },
      { code: null, frames: frameRate / 2 },
    ]),
  )
  const phone = await takePhone({ video })
  await enrol(phone.page, await door.invite())
  await phone.page.waitForFunction((count) => performance.getEntriesByName('answered').length >= count, CODES, {
    timeout: 60_000,
  })
  const answered = await phone.page.evaluate(() => performance.getEntriesByName('answered').map((one) => one.duration))
  await phone.close()
  const ms = (share: number) => `${Math.round(quantile(answered, share))} ms`
  console.log(`frame to painted answer, ${answered.length} codes: median ${ms(0.5)}, p95 ${ms(0.95)}, worst ${ms(1)}`)
} finally {
  rmSync(dir, { recursive: true, force: true })
  await door.close()
}
