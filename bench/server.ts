import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Server = {
  url: string
  port: number
  adminKey: string
  ticketKey: string
  pid: number
  stateDir: string
  stop: () => Promise<void>
}

/**
 * Starts what `npm start` starts, with the bench's own entry file, on a free port and an empty state. A state that is given
 * is taken as it is and left when the server stops.
 */
export async function startServer(givenState?: string): Promise<Server> {
  const root = join(import.meta.dirname, '..')
  const stateDir = givenState ?? mkdtempSync(join(tmpdir(), 'admit-one-bench-'))
  // No event is to draw its images by itself in the middle of a measurement.
  const settings = { QR_WARM_HOURS: '' }
  const secrets = { ADMIN_KEY: 'the key of the bench', TICKET_KEY: 'the tickets of the bench' }
  const options = ['--port', '0', '--state', stateDir, '--empty', '--worker', 'bench/worker/index.ts']
  const child = spawn(process.execPath, [join(root, 'cli/start.ts'), ...options], {
    cwd: root,
    env: { ...process.env, ...settings, ...secrets },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    if (givenState === undefined) rmSync(stateDir, { recursive: true, force: true })
  }
  const url = await urlOf(child).catch(async (error) => {
    await stop()
    throw error
  })
  const { ADMIN_KEY: adminKey, TICKET_KEY: ticketKey } = secrets
  return { url, port: Number(new URL(url).port), adminKey, ticketKey, pid: child.pid ?? 0, stateDir, stop }
}

/** The server says where it is once it is ready, in its one line. */
function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout?.on('data', (text: Buffer) => {
      said += text
      const url = /http:\/\/\S+/.exec(said)?.[0]
      if (url) resolve(url)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the server ended with exit code ${code}: ${said.trim()}`)))
  })
}
