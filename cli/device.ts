import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { connect, Refusal } from './api.ts'
import type { Connection } from './connection.ts'
import { Failure, UsageFailure } from './failure.ts'
import { readStateFile, writeStateFile } from './state-folder.ts'

type Device = {
  url: string
  eventId: string
  deviceId: string
  deviceToken: string
  staffToken: string
  expiresAt: string
  /** SHA-256 of the key that vouched for it: with another key this computer introduces itself again. */
  vouchedBy: string
}

/**
 * Gives a staff token to scan with. This computer becomes a device of the event once, for the supervisor `cli`, and
 * is known again by a file of this user.
 */
export async function staffTokenFor(connection: Connection): Promise<string> {
  // Somebody's own staff token may be used as it is.
  if (connection.key && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(connection.key)) return connection.key
  const device = remembered(connection)
  const isAnothers = connection.key !== null && device?.vouchedBy !== hashOf(connection.key)
  if (!device || isAnothers) return remember(connection, await enrol(connection))
  if (Date.parse(device.expiresAt) > Date.now() + 60_000) return device.staffToken
  return remember(connection, (await renew(connection, device)) ?? (await enrol(connection)))
}

/** Forgets the device that the server refused, so that the next try enrols anew; fails where it was revoked on purpose. */
export function forgetDevice(connection: Connection, refusal: Refusal): void {
  const path = join(folder(), fileOf(connection))
  if (refusal.body.code === 'device_revoked') {
    throw new Failure(`This computer was revoked as a device of the event; to enrol it again, remove ${path}.`)
  }
  rmSync(path, { force: true })
}

async function renew(connection: Connection, device: Device): Promise<Device | null> {
  const { deviceId, deviceToken } = device
  try {
    const { data } = await connect(connection.url, null).post<{ data: Pick<Device, 'staffToken' | 'expiresAt'> }>(
      '/api/devices/token',
      { deviceId, deviceToken },
    )
    return { ...device, ...data }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    forgetDevice(connection, error)
    return null
  }
}

async function enrol({ url, key, eventId }: Connection): Promise<Device> {
  if (key === null) {
    throw new UsageFailure('This computer is not a device of the event yet; give an organisation key once, with --key.')
  }
  const api = connect(url, key)
  const path = `/api/events/${encodeURIComponent(eventId)}`
  await api.put(`${path}/staff/cli`, { name: 'admit command', role: 'supervisor' })
  const enrolment = await api.post<{ data: { code: string } }>(`${path}/enrolments`, { staffId: 'cli' })
  const { data } = await connect(url, null).post<{ data: Omit<Device, 'url' | 'eventId' | 'vouchedBy'> }>(
    '/api/devices/enrol',
    {
      code: enrolment.data.code,
      deviceName: `admit on ${hostname()}`.slice(0, 100),
      deviceType: 'desktop',
    },
  )
  const { deviceId, deviceToken, staffToken, expiresAt } = data
  return { url, eventId, deviceId, deviceToken, staffToken, expiresAt, vouchedBy: hashOf(key) }
}

function remembered(connection: Connection): Device | null {
  try {
    return readStateFile<Device>(folder(), fileOf(connection)) as Device | null
  } catch {
    // Damaged: enrolling again costs nothing.
    return null
  }
}

function remember(connection: Connection, device: Device): string {
  mkdirSync(folder(), { recursive: true, mode: 0o700 })
  writeStateFile(folder(), fileOf(connection), device)
  return device.staffToken
}

function folder(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'admit-one', 'devices')
}

function fileOf({ url, eventId }: Connection): string {
  return `${hashOf(`${url} ${eventId}`).slice(0, 32)}.json`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
