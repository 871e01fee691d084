import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServerMessage } from '../../core/live.ts'
import { openVenue, untilAnswered, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'

const root = join(import.meta.dirname, '../..')
const node = join(root, 'node_modules/.bin/node')
const script = join(root, 'cli/admit.ts')
const folder = mkdtempSync(join(tmpdir(), 'admit-one-command-'))

let server: Server
let venue: Venue
beforeAll(async () => {
  server = await startServer()
  venue = await openVenue(server.url, { devices: 1, tickets: 4 })
  await venue.devices[0]?.scan({ qrPayload: venue.tickets[0]?.token ?? '' })
  await venue.devices[0]?.scan({ qrPayload: venue.tickets[0]?.token ?? '' })
})

afterAll(async () => {
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const asked = (...args: string[]) => [script, ...args, '--url', server.url, '--key', venue.organiser.credential ?? '']

type Ended = { code: unknown; stdout: string; stderr: string }

function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(node, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    )
  })
}

const admit = (...args: string[]) => run(...asked(...args))

async function data<T>(path: string): Promise<T> {
  return venue.organiser.ask<T>('GET', path)
}

describe('admit', () => {
  test('reports what the API says, as a table, as CSV and as JSON', async () => {
    const { items } = await data<{ items: object[] }>(`/api/hp-scanner/gate-report/${venue.eventId}`)
    const [table, csv, json] = await Promise.all([
      admit('report', venue.eventId, 'gates'),
      admit('report', venue.eventId, 'gates', '-o', join(folder, 'gates.csv')),
      admit('report', venue.eventId, 'gates', '--json'),
    ])
    expect(table.stdout).toMatch(/GATE-A {2}Main Entrance {2,}2 +1 +0 +0 +1 +1 /)
    expect(JSON.parse(json.stdout).data.items).toEqual(items)
    expect(csv.code).toBe(0)
    expect(readFileSync(join(folder, 'gates.csv'), 'utf8')).toContain('"GATE-A","Main Entrance","2","1"')
  })

  test('says in one sentence what is wrong', async () => {
    const said = await Promise.all([
      admit('integrity', crypto.randomUUID()),
      run(script, 'check', venue.eventId, '--url', server.url, '--key', 'a1_org_wrong'),
      admit('rehearse', venue.eventId, '--devices', 'many'),
    ])
    expect(said.map(({ code }) => code)).toEqual([1, 1, 2])
    expect(said.map(({ stderr }) => stderr.trim().split('\n'))).toEqual([
      [expect.stringContaining('no such event')],
      [expect.stringContaining('does not accept this key')],
      [expect.stringContaining('--devices takes a number')],
    ])
  })
})

describe('admit check and admit integrity', () => {
  test('let the doors open where all is well, and say what is not', async () => {
    const [integrity, check] = await Promise.all([
      admit('integrity', venue.eventId),
      admit('check', venue.eventId, '--json'),
    ])
    expect([integrity.code, integrity.stdout]).toEqual([0, expect.stringContaining('2 entries')])
    const { success, findings } = JSON.parse(check.stdout) as { success: boolean; findings: Record<string, string>[] }
    expect([check.code, success]).toEqual([0, true])
    const stateOf = Object.fromEntries(findings.map(({ about, state }) => [about, state]))
    expect(stateOf).toMatchObject({
      server: 'pass',
      clock: 'pass',
      tickets: 'pass',
      codes: 'pass',
      log: 'pass',
    })
    for (const gate of ['GATE-A', 'GATE-B']) {
      await venue.organiser.ask('PUT', `${venue.path}/gates/${gate}`, { name: gate, accepts: [] })
    }
    const shut = await admit('check', venue.eventId)
    for (const gate of ['GATE-A', 'GATE-B']) {
      await venue.organiser.ask('PUT', `${venue.path}/gates/${gate}`, { name: gate })
    }
    expect(shut.code).toBe(1)
    expect(shut.stdout).toMatch(/✗ gates .*0 ways in are open; closed: GATE-A, GATE-B\n.*→/)
  })
})

describe('admit monitor', () => {
  test('shows once what the analytics say', async () => {
    const { liveStats } = await data<{ liveStats: object }>(`/api/hp-scanner/analytics/${venue.eventId}`)
    const { code, stdout } = await admit('monitor', venue.eventId, '--json')
    const shown = JSON.parse(stdout).data
    expect(code).toBe(0)
    expect(shown.liveStats).toMatchObject({
      ...liveStats,
      perMinute: expect.any(Number),
      minutesToLast: shown.liveStats.minutesToLast,
    })
    expect(shown.newest.map(({ verdict }: { verdict: string }) => verdict)).toEqual(['refused', 'admitted'])
  })

  test('tells every scan once, also of while the server was away, and ends well at Ctrl-C', async () => {
    const monitor = spawn(node, asked('monitor', venue.eventId, '--real-time', '--json'), { cwd: folder })
    try {
      const said = linesOf(monitor)
      const told = () => said().flatMap((one) => (one.type === 'scans' ? one.items.map(({ seq }) => seq) : []))
      await until(() => said().some(({ type }) => type === 'hello'))
      await venue.devices[0]?.scan({ qrPayload: venue.tickets[1]?.token ?? '' })
      await until(() => told().includes(3))
      await server.kill9()
      await server.restart()
      await untilAnswered(() => scanOf(2))
      await until(() => told().includes(4))
      await untilAnswered(() => scanOf(3))
      await until(() => told().includes(5))
      expect(told()).toEqual([3, 4, 5])
      const ended = once(monitor, 'exit')
      monitor.kill('SIGINT')
      expect(await ended).toEqual([0, null])
    } finally {
      monitor.kill('SIGKILL')
    }
  })

  test.skipIf(spawnSync('script', ['--version']).status !== 0)(
    'leaves the terminal as it found it when it is quit',
    async () => {
      const words = [node, ...asked('monitor', venue.eventId, '--real-time')].map((word) => `'${word}'`).join(' ')
      const terminal = spawn('script', ['-qec', words, '/dev/null'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] })
      const seen: Buffer[] = []
      terminal.stdout.on('data', (piece: Buffer) => seen.push(piece))
      const text = () => Buffer.concat(seen).toString()
      try {
        await until(() => text().includes('live'))
        const ended = once(terminal, 'exit')
        terminal.stdin.write('q')
        expect(await ended).toEqual([0, null])
      } finally {
        terminal.kill('SIGKILL')
      }
      const [, onIt, after] = text().split(/.\[\?1049[hl]/)
      expect(onIt).toContain('Tech Expo')
      expect(onIt?.endsWith('[?25h')).toBe(true)
      expect(after?.trim()).toBe('')
    },
  )

  function scanOf(ticket: number) {
    const [device] = venue.devices
    if (!device) throw new Error('the venue has no device')
    return device.scan({ qrPayload: venue.tickets[ticket]?.token ?? '', scanId: scanIds[ticket] ?? '' })
  }
  const scanIds = [0, 1, 2, 3].map(() => crypto.randomUUID())
})

describe('admit rehearse', () => {
  /** Everything that the event shows of itself. */
  const everything = async () => {
    const paths = ['', '/entries', '/tickets', '/devices', '/staff', '/gates', '/ticket-types', '/conflicts']
    const all = await Promise.all(paths.map((path) => data<object>(`${venue.path}${path}`)))
    const { liveStats } = await data<{ liveStats: object }>(`/api/hp-scanner/analytics/${venue.eventId}`)
    // What the clock alone changes, and when a device was last heard of.
    return JSON.stringify([all, { ...liveStats, perMinute: 0, minutesToLast: 0 }]).replaceAll(
      /"lastSeenAt":"[^"]+"/g,
      '',
    )
  }
  const copies = async () => (await data<{ items: object[] }>(`${venue.path}/rehearsals`)).items

  test('plays the rush on a copy, says whether the event is ready, and changes nothing of it', async () => {
    const before = await everything()
    const rush = ['--devices', '5', '--rate', '12', '--minutes', '0.1']
    const { code, stdout } = await admit('rehearse', venue.eventId, ...rush, '--json')
    const { ready, findings, figures } = JSON.parse(stdout)
    // How long people wait is the machine's affair, and has no place in a test.
    const failures = findings.filter(
      ({ state, about }: Record<string, string>) => state === 'failure' && about !== 'in time',
    )
    expect(failures).toEqual([])
    expect([code, figures.integrity.ok, figures.unanswered, figures.wrong]).toEqual([ready ? 0 : 1, true, 0, []])
    expect(figures.outcomes.admitted).toBeGreaterThan(20)
    expect(figures.people.counted).toBe(figures.people.told)
    expect(figures.synced.scans).toBeGreaterThan(0)
    expect(await everything()).toBe(before)
    expect(await copies()).toEqual([])
  })

  test('takes its copy away when it is stopped', async () => {
    const rehearsal = spawn(node, asked('rehearse', venue.eventId, '--minutes', '5'), { cwd: folder })
    try {
      const said: Buffer[] = []
      rehearsal.stderr.on('data', (piece: Buffer) => said.push(piece))
      await until(() => Buffer.concat(said).includes('Scanning'))
      expect(await copies()).toHaveLength(1)
      const ended = once(rehearsal, 'exit')
      rehearsal.kill('SIGINT')
      expect(await ended).toEqual([1, null])
      expect(Buffer.concat(said).toString()).toContain('The rehearsal was stopped.')
    } finally {
      rehearsal.kill('SIGKILL')
    }
    expect(await copies()).toEqual([])
  })
})

/** What a command says, a JSON document a line, as far as lines are whole. */
function linesOf({ stdout }: ChildProcess): () => ServerMessage[] {
  let text = ''
  stdout?.on('data', (piece: Buffer) => {
    text += piece.toString()
  })
  return () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ServerMessage)
}

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !isSo(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come')
  }
}
