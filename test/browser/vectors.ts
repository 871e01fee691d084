import { hexToBytes } from '@noble/hashes/utils.js'
import { unsealHere } from '../../core/token.ts'
import { webCryptography } from '../../web/scanner/platform/cryptography.ts'
import { corpora, formatChecks } from '../vectors/formats.ts'
import { type OpenerOf, openingChecks, signatureChecks } from '../vectors/tokens.ts'
import { verdictChecks } from '../vectors/verdicts.ts'

/*
 * All the vectors in one script, which vectors.test.ts builds and runs in a page. Tokens are opened as the scanner opens
 * them: with its own verifier, and the public key. None is made there, since no browser has the key for it.
 */

const device = webCryptography()

const opener =
  (unseal = device.unseal): OpenerOf =>
  async ({ publicKey }) => ({ verify: device.verifier(() => hexToBytes(publicKey)), unseal })

const checks = [
  ...signatureChecks,
  ...openingChecks({ WebCrypto: opener(), noble: opener(unsealHere) }),
  ...verdictChecks.flatMap(({ about, checks }) => checks.map((one) => ({ ...one, name: `${about}: ${one.name}` }))),
  ...corpora.flatMap(([format, cases]) => formatChecks(format, cases)),
]

export const outcomes = Promise.all(
  checks.map(async ({ name, given, expected }) => ({ name, given: await given(), expected })),
)
