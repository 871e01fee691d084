import { createPublicKey, verify } from 'node:crypto'
import type { EventId } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import type { SnapshotKeys } from '../../core/snapshot.ts'
import { openToken, unsealHere, type VerifySignature } from '../../core/token.ts'
import type { Api } from '../api.ts'

/** What came of opening the code of one ticket as a device without a network would. */
export type CodeCheck = 'opened' | 'no_tickets' | 'unreadable' | 'wrong_event' | 'forged'

/** Takes one ticket's code, and opens it with nothing but the keys that devices are given. */
export async function checkCode(api: Api, eventId: string): Promise<CodeCheck> {
  const id = encodeURIComponent(eventId)
  const tickets = await api.get<{ data: { items: { id: string }[] } }>(`/api/events/${id}/tickets?limit=1&status=valid`)
  const [ticket] = tickets.data.items
  if (!ticket) return 'no_tickets'
  const { qr_token } = await api.get<{ qr_token: string }>(`/api/events/${id}/tickets/${ticket.id}/qr`)
  const { data } = await api.get<{ data: { keys: SnapshotKeys } }>(`/api/hp-scanner/snapshot/${id}`)
  const keys = data.keys.publicKeys.map(({ keyId, readKey }) => {
    return { keyId, eventTag: eventTagOf(eventId as EventId), readKey: fromBase64url(readKey ?? data.keys.readKey) }
  })
  const publicKeys = new Map(data.keys.publicKeys.map(({ keyId, publicKey }) => [keyId, fromBase64url(publicKey)]))
  const verifier: VerifySignature = async ({ keyId }, message, signature) => {
    const publicKey = publicKeys.get(keyId)
    return publicKey !== undefined && verify(null, message, publicKeyOf(publicKey), signature)
  }
  const opened = await openToken(qr_token, keys, verifier, unsealHere)
  return opened.ok ? 'opened' : opened.reason
}

// RFC 8410: what stands before an Ed25519 public key in SubjectPublicKeyInfo.
const head = Buffer.from('302a300506032b6570032100', 'hex')

function publicKeyOf(bytes: Uint8Array) {
  return createPublicKey({ key: Buffer.concat([head, bytes]), format: 'der', type: 'spki' })
}

function fromBase64url(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64url'))
}
