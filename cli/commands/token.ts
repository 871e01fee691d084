import { createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { defineCommand } from 'citty'
import { type EventId, parseUuid } from '../../core/ids.ts'
import { keyWithId, readKeyRing } from '../../core/key-ring.ts'
import { deriveSealingKeys, eventTagOf } from '../../core/keys.ts'
import { type Claims, openToken, readHeader, unsealHere } from '../../core/token.ts'
import { type Command, command, jsonArg } from '../command.ts'
import { exitCodes, Failure, UsageFailure } from '../failure.ts'
import { say } from '../output.ts'
import { keptTicketKeys } from '../secrets.ts'

const open = command({
  name: 'open',
  description: 'Opens a code on this computer, without any server',
  args: {
    code: { type: 'positional', description: 'The text of the code', required: true },
    event: { type: 'string', description: 'The event it should be for; else ADMIT_EVENT', valueHint: 'ID' },
    state: { type: 'string', description: 'Where npm start keeps its state', default: '.state', valueHint: 'DIR' },
    ...jsonArg,
  },
  examples: `
  admit token open A1AEA…
  TICKET_KEY=… admit token open A1AEA… --event 01a1… --json

  The keys are TICKET_KEY and TICKET_KEY_PREVIOUS from the environment, else those that npm start made in
  DIR/secrets.json. It is told what the code says, and nothing of the ticket's standing: that is the server's to know.

EXIT CODES
  0 genuine   1 there is no key   2 wrong usage   3 no ticket of this key or event`,
  run: async ({ code, event, state, json }) => {
    const { TICKET_KEY, TICKET_KEY_PREVIOUS } = process.env
    const ring = TICKET_KEY ? readKeyRing(TICKET_KEY, TICKET_KEY_PREVIOUS) : keptTicketKeys(state)
    if (!ring) throw new Failure(`There is no key: give TICKET_KEY in the environment, or --state DIR.`)
    const header = readHeader(code)
    if (!header) return refuse(json, 'unreadable', 'This is not a code of Admit One.')

    const eventId = eventOf(event || process.env.ADMIT_EVENT)
    const eventTag = eventId ? eventTagOf(eventId) : header.eventTag
    const key = keyWithId(ring, header.keyId)
    if (!key) return refuse(json, 'forged', sentences.forged)
    const keys = deriveSealingKeys(key.secret, eventTag, key.id)
    const opened = await openToken(
      code,
      [keys],
      async (_, message, signature) => verify(null, message, publicKeyOf(keys.signingSeed), signature),
      unsealHere,
    )
    if (!opened.ok) return refuse(json, opened.reason, sentences[opened.reason])
    const token = { version: 1, keyId: header.keyId, eventTag: Buffer.from(header.eventTag).toString('hex') }
    say(json, { success: true, header: token, claims: readable(opened.claims) }, describe(token, opened.claims))
  },
})

export const token = {
  ...defineCommand({ meta: { name: 'token', description: 'Looks into codes' }, subCommands: { open } }),
  examples: '\n  admit token open A1AEA…',
} as Command

const sentences = {
  unreadable: 'This is not a code of Admit One.',
  wrong_event: 'This code is for another event.',
  forged: 'This code was changed, or made with another TICKET_KEY.',
}

function refuse(isJson: boolean, code: string, message: string): void {
  process.exitCode = exitCodes.refused
  say(isJson, { success: false, code, message }, message)
}

function readable({ ticketId, issuedAt, validFrom, validUntil, type, admits }: Claims) {
  const instant = (seconds: number) => new Date(seconds * 1000).toISOString()
  return {
    ticketId,
    issuedAt: instant(issuedAt),
    validFrom: validFrom === null ? null : instant(validFrom),
    validUntil: validUntil === null ? null : instant(validUntil),
    type,
    admits,
  }
}

function describe(header: { version: number; keyId: number; eventTag: string }, claims: Claims): string {
  const { ticketId, issuedAt, validFrom, validUntil, type, admits } = readable(claims)
  return [
    'A genuine code.',
    `  Version      ${header.version}`,
    `  Key id       ${header.keyId}`,
    `  Event tag    ${header.eventTag}`,
    `  Ticket       ${ticketId}`,
    `  Issued at    ${issuedAt}`,
    `  Valid from   ${validFrom ?? 'any time'}`,
    `  Valid until  ${validUntil ?? 'any time'}`,
    `  Type         number ${type} of its event`,
    `  Admits       ${admits}`,
  ].join('\n')
}

// RFC 8410: what stands before the seed of an Ed25519 key in PKCS #8.
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

function publicKeyOf(signingSeed: Uint8Array) {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, signingSeed]), format: 'der', type: 'pkcs8' })
  return createPublicKey(key)
}

function eventOf(text: string | undefined): EventId | null {
  if (!text) return null
  const eventId = parseUuid<EventId>(text)
  if (eventId) return eventId
  throw new UsageFailure(`--event takes an event id, not ${text}.`)
}
