import { createHash, randomBytes } from 'node:crypto'
import { Failure } from './failure.ts'
import { readStateFile, stateFiles, writeStateFile } from './state-folder.ts'

export type Secrets = { adminKey: string; ticketKey: string }

/** Keys that were made here; one that came from the environment is never written to disk. */
type Kept = {
  adminKey?: string | undefined
  ticketKey?: string | undefined
  /** SHA-256 of the TICKET_KEY that the tickets of this state were issued with. */
  ticketKeyFingerprint?: string
  retiredTicketKeys?: string[] | undefined
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

  const fingerprint = fingerprintOf(ticketKey)
  const isOther = kept.ticketKeyFingerprint !== undefined && kept.ticketKeyFingerprint !== fingerprint
  if (isOther && !newTicketKey) {
    throw new Failure(
      `The tickets in ${dir} were issued with another TICKET_KEY and would all be refused; give that one, or start with --new-ticket-key.`,
    )
  }

  const isGiven = env.TICKET_KEY !== undefined && env.TICKET_KEY !== '' && env.TICKET_KEY !== kept.ticketKey
  const next: Kept = {
    adminKey: env.ADMIN_KEY ? kept.adminKey : adminKey,
    ticketKey: isGiven ? undefined : ticketKey,
    ticketKeyFingerprint: fingerprint,
    retiredTicketKeys:
      isGiven && kept.ticketKey ? [...(kept.retiredTicketKeys ?? []), kept.ticketKey] : kept.retiredTicketKeys,
  }
  if (JSON.stringify(next) !== JSON.stringify(kept)) writeStateFile(dir, stateFiles.secrets, next)
  return { adminKey, ticketKey }
}

/** Gives the TICKET_KEY that a state folder keeps, to open codes by hand; null where it keeps none. */
export function keptTicketKey(dir: string): string | null {
  return readStateFile<Kept>(dir, stateFiles.secrets)?.ticketKey ?? null
}

function makeKey(): string {
  return randomBytes(32).toString('base64url')
}

function fingerprintOf(ticketKey: string): string {
  return createHash('sha256').update(ticketKey).digest('hex')
}
