import { utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { parseBase64url } from '../../core/base64url.ts'
import { type FormatName, formatNames, SECRET_MIN_BYTES } from '../../core/formats.ts'
import { CodeFormatBody } from '../../core/organiser-messages.ts'
import type { SealedFormat } from '../../durable-objects/event/code-formats.ts'
import { forgetFormats, sealFormatSecret } from '../code-formats.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { route, success } from '../route.ts'
import { iso } from '../shapes.ts'

const tag = "Other people's codes"

const formatShape = z.object({
  format: z.enum(formatNames),
  externalEventId: z.string().nullable(),
  maxAgeMs: z.int().nullable(),
  secrets: z.int(),
  changedAt: z.iso.datetime(),
})

/** Never the secret, only how many are good. */
function showFormat(format: SealedFormat): z.input<typeof formatShape> {
  return {
    format: format.format,
    externalEventId: format.externalEventId,
    maxAgeMs: format.maxAgeMs,
    secrets: format.previous === null ? 1 : 2,
    changedAt: iso(format.changedAt),
  }
}

export const formatRoutes = [
  route({
    method: 'get',
    path: '/api/events/{eventId}/code-formats',
    summary: "Which of other people's code formats are switched on; never their secrets",
    tag,
    role: 'organiser',
    answer: z.object({ items: z.array(formatShape), nextCursor: z.null() }),
    async handle({ env, eventId, actor }) {
      const known = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.codeFormats(actor))
      if (!known.ok) return answerProblem(known.problem)
      return success({ items: known.value.formats.map(showFormat), nextCursor: null })
    },
  }),

  route({
    method: 'put',
    path: '/api/events/{eventId}/code-formats/{format}',
    audit: 'format.put',
    summary: 'Switch a format on, or change it: hmac-json or jwt, each with a secret of its own',
    tag,
    role: 'organiser',
    body: CodeFormatBody,
    answer: z.object({ format: formatShape }),
    async handle({ env, eventId, actor, params, body, at }) {
      const format = formatNamed(params.format)
      if (format === null) return problemResponse('not_found')
      const secret = body.secretEncoding === 'base64url' ? parseBase64url(body.secret) : utf8ToBytes(body.secret)
      const wrong = whatIsWrong(body.secret, secret)
      if (secret === null || wrong) return badRequestResponse([{ field: 'secret', message: wrong ?? 'is needed' }])
      const { externalEventId = null, maxAgeMs = null, keepPrevious } = body
      const sealed = sealFormatSecret(ringOf(env), eventId, format, secret)
      const put = await askGatekeeper(env, eventId, (gatekeeper) =>
        gatekeeper.putCodeFormat(actor, { format, secret: sealed, externalEventId, maxAgeMs }, keepPrevious, at),
      )
      if (!put.ok) return answerProblem(put.problem)
      forgetFormats(eventId)
      const now = put.value.formats.find((one) => one.format === format)
      return success({ format: now && showFormat(now) })
    },
  }),

  route({
    method: 'delete',
    path: '/api/events/{eventId}/code-formats/{format}',
    audit: 'format.removed',
    summary: 'Switch a format off, for the very next scan; its secret is forgotten',
    tag,
    role: 'organiser',
    answer: z.object({ items: z.array(formatShape) }),
    async handle({ env, eventId, actor, params }) {
      const format = formatNamed(params.format)
      if (format === null) return problemResponse('not_found')
      const left = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.removeCodeFormat(actor, format))
      if (!left.ok) return answerProblem(left.problem)
      forgetFormats(eventId)
      return success({ items: left.value.formats.map(showFormat) })
    },
  }),
]

function formatNamed(text: string | undefined): FormatName | null {
  return formatNames.find((name) => name === text) ?? null
}

function whatIsWrong(text: string, secret: Uint8Array | null): string | null {
  if (secret === null) return 'must be base64url without padding'
  // What everybody may know is no secret, and a token that was signed with it would be anybody's.
  if (/-----BEGIN|"kty"/.test(text)) return 'must be a secret of its own, not a key pair or its public half'
  return secret.length < SECRET_MIN_BYTES ? `must be at least ${SECRET_MIN_BYTES} bytes long` : null
}
