import { createHash, randomBytes } from 'node:crypto'
import { type KeyRing, readKeyRing } from '../core/key-ring.ts'
import { Failure } from './failure.ts'
import { readStateFile, stateFiles, writeStateFile } from './state-folder.ts'

export type Secrets = {
  adminKey: string
  ticketKey: string
  /** As `ADMIN_KEY_PREVIOUS` and `TICKET_KEY_PREVIOUS` have them; empty where there are none. */
  previousAdminKey: string
  previousTicketKeys: string
}

/** Keys that were made here; one that came from the environment is never written to disk. */
type Kept = {
  adminKey?: string | undefined
  ticketKey?: string | undefined
  /** SHA-256 of the TICKET_KEY that the tickets of this state were issued with. */
  ticketKeyFingerprint?: string
  retiredTicketKeys?: string[] | undefined
  /** Made here before; they open what was made with them. As `ADMIN_KEY_PREVIOUS` and `TICKET_KEY_PREVIOUS` have them. */
  previousAdminKey?: string | undefined
  previousTicketKeys?: string | undefined
}

/**
 * Gives the secrets of a state folder: the environment's, else those made at its first start. Fails where tickets
 * were issued with another TICKET_KEY, since all of them would be refused, unless `newTicketKey` allows it.
 */
export function loadSecrets(dir: string, env: NodeJS.ProcessEnv, newTicketKey: boolean): Secrets {
  const kept: Kept = readStateFile<Kept>(dir, stateFiles.secrets) ?? {}
  const mayMake = newTicketKey || kept.ticketKeyFingerprint === undefined
  const adminKey = env.ADMIN_KEY || kept.adminKey || makeKey()
  const ticketKey = env.TICKET_KEY || kept.ticketKey || (mayMake ? makeKey() : null)
  if (ticketKey === null) {
    throw new Failure(`The tickets in ${dir} were issued with a TICKET_KEY from the environment; give it again.`)
  }

  // Whoever gives a key says with it which others are good.
  const previousAdminKey = env.ADMIN_KEY_PREVIOUS ?? (env.ADMIN_KEY ? '' : (kept.previousAdminKey ?? ''))
  const previousTicketKeys = env.TICKET_KEY_PREVIOUS ?? (env.TICKET_KEY ? '' : (kept.previousTicketKeys ?? ''))
  const ring = ringIn(ticketKey, previousTicketKeys)
  const opening = ring.all.map(({ secret }) => fingerprintOf(secret))
  const isOther = kept.ticketKeyFingerprint !== undefined && !opening.includes(kept.ticketKeyFingerprint)
  if (isOther && !newTicketKey) {
    throw new Failure(
      `The tickets in ${dir} were issued with another TICKET_KEY and would all be refused; give that one, or start with --new-ticket-key.`,
    )
  }

  const isGiven = env.TICKET_KEY !== undefined && env.TICKET_KEY !== '' && env.TICKET_KEY !== kept.ticketKey
  const next: Kept = {
    adminKey: env.ADMIN_KEY ? kept.adminKey : adminKey,
    ticketKey: isGiven ? undefined : ticketKey,
    ticketKeyFingerprint: fingerprintOf(ring.current.secret),
    retiredTicketKeys:
      isGiven && kept.ticketKey ? [...(kept.retiredTicketKeys ?? []), kept.ticketKey] : kept.retiredTicketKeys,
    previousAdminKey: kept.previousAdminKey,
    previousTicketKeys: kept.previousTicketKeys,
  }
  if (JSON.stringify(next) !== JSON.stringify(kept)) writeStateFile(dir, stateFiles.secrets, next)
  return { adminKey, ticketKey, previousAdminKey, previousTicketKeys }
}

/** Gives the ticket keys that a state folder keeps, to open codes by hand; null where it keeps none. */
export function keptTicketKeys(dir: string): KeyRing | null {
  const kept = readStateFile<Kept>(dir, stateFiles.secrets)
  return kept?.ticketKey ? readKeyRing(kept.ticketKey, kept.previousTicketKeys) : null
}

/** Gives a state folder a new key beside the one it has, from the next start on; gives the new one's number, if it has one. */
export function rotateKept(dir: string, which: 'admin-key' | 'ticket-key'): { id: number | null } {
  const kept = readStateFile<Kept>(dir, stateFiles.secrets)
  const before = which === 'admin-key' ? kept?.adminKey : kept?.ticketKey
  if (!kept || !before)
    throw new Failure(`${dir} keeps no ${which}; one that comes from the environment is changed there.`)
  if (which === 'admin-key') {
    writeStateFile(dir, stateFiles.secrets, { ...kept, adminKey: makeKey(), previousAdminKey: before })
    return { id: null }
  }
  const { current, all } = readKeyRing(before, kept.previousTicketKeys)
  const id = Math.max(...all.map((key) => key.id)) + 1
  const previousTicketKeys = [`${current.id}.${current.secret}`, kept.previousTicketKeys].filter(Boolean).join(',')
  writeStateFile(dir, stateFiles.secrets, { ...kept, ticketKey: `${id}.${makeKey()}`, previousTicketKeys })
  return { id }
}

function ringIn(ticketKey: string, previous: string): KeyRing {
  try {
    return readKeyRing(ticketKey, previous)
  } catch (error) {
    // Somebody wrote them otherwise than they are read, and is told what is wrong.
    throw new Failure(`${(error as Error).message}.`)
  }
}

function makeKey(): string {
  return randomBytes(32).toString('base64url')
}

function fingerprintOf(ticketKey: string): string {
  return createHash('sha256').update(ticketKey).digest('hex')
}
