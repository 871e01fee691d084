import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openVenue, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'

const root = join(import.meta.dirname, '../..')
const node = join(root, 'node_modules/.bin/node')
const folder = mkdtempSync(join(tmpdir(), 'admit-one-export-'))

const ENTRIES = 100_000

let server: Server
let venue: Venue
beforeAll(async () => {
  // The bench's worker is the real one and can write many entries at once.
  server = await startServer({ worker: 'bench/worker/index.ts' })
  venue = await openVenue(server.url, { devices: 1, tickets: 3 })
  const filled = await fetch(`${server.url}/bench/fill/${venue.eventId}`, {
    method: 'POST',
    body: JSON.stringify({ entries: ENTRIES }),
  })
  expect(filled.status).toBe(200)
})

afterAll(async () => {
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const words = (...args: string[]) => [
  join(root, 'cli/admit.ts'),
  'export',
  venue.eventId,
  ...args,
  '--url',
  server.url,
  '--key',
  venue.organiser.credential ?? '',
]

function admit(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(node, words(...args), { cwd: folder, maxBuffer: 1e9 }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    )
  })
}

describe('admit export', () => {
  test('saves a long log whole', async () => {
    const file = join(folder, 'entries.ndjson')
    const { code, stdout } = await admit('entries', '-o', file, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ success: true, file, lines: ENTRIES })
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines).toHaveLength(ENTRIES + 1)
    expect(JSON.parse(lines.at(-2) ?? '')).toMatchObject({ seq: ENTRIES })
  })

  test('prints where no file is named, and ends well where nobody reads on', async () => {
    expect((await admit('tickets', '--format', 'ndjson')).stdout.split('\n')).toHaveLength(4)
    const piped = spawn('/bin/sh', ['-c', '"$@" | head -1', 'sh', node, ...words('entries')], { cwd: folder })
    const said: Buffer[] = []
    piped.stdout.on('data', (chunk: Buffer) => said.push(chunk))
    await once(piped, 'close')
    expect(Buffer.concat(said).toString()).toMatch(/^\u{feff}?"id","scanId"/u)
  })

  test('says in one sentence what is wrong, and leaves no file', async () => {
    const usage = await admit('people', '-o', 'people.csv')
    expect([usage.code, usage.stderr]).toEqual([2, expect.stringContaining('tickets, entries, duplicates')])
    const unwritable = await admit('tickets', '-o', join(folder, 'no', 'such', 'folder.csv'))
    expect([unwritable.code, unwritable.stderr]).toEqual([1, expect.stringContaining('no such file or folder')])
    expect(existsSync(join(folder, 'people.csv'))).toBe(false)
  })

  test('of which the server dies leaves no file that looks whole', async () => {
    const file = join(folder, 'broken.csv')
    const running = spawn(node, words('entries', '-o', file), { cwd: folder })
    const said: Buffer[] = []
    running.stderr.on('data', (chunk: Buffer) => said.push(chunk))
    const ended = once(running, 'exit')
    await untilStarted(running, `${file}.part`)
    await server.kill9()
    const [code] = await ended
    expect([code, Buffer.concat(said).toString()]).toEqual([1, expect.stringMatching(/broke off after [\d,]+ lines/)])
    expect([file, `${file}.part`].filter(existsSync)).toEqual([])
  })
})

async function untilStarted(running: ChildProcess, file: string): Promise<void> {
  while (!existsSync(file) || readFileSync(file).length === 0) {
    if (running.exitCode !== null) throw new Error('the export was over before it could be broken off')
    await sleep(5)
  }
}
