import { z } from 'zod'
import { type GateId, parseUuid, type ScanId, uuidAt } from '../../core/ids.ts'
import { defaultQrStyle, qrSvg } from '../../core/qr.ts'
import type { StallLine } from '../../core/report-answers.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { openLink, openStall, sealStall } from '../links.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { route, success } from '../route.ts'
import { svgDataUri } from '../shapes.ts'
import { countLink, turnAway } from '../shield.ts'
import { answerScan } from '../verdict-answer.ts'
import { fingerprintOf } from './scans.ts'

const tag = 'Stalls'

const stallShape = z.object({
  gateId: z.string(),
  name: z.string(),
  visits: z.int(),
  visitors: z.int(),
}) satisfies z.ZodType<StallLine>

/*
 * A stall is a checkpoint in a zone of its own. Its staff scan visitors like any gate; or it hangs out a QR code of its
 * own, which visitors scan from their ticket's page.
 */
export const stallRoutes = [
  route({
    method: 'get',
    path: '/api/events/{eventId}/gates/{gateId}/stall-qr',
    summary: "A stall's own QR code, for its visitors to scan",
    tag,
    role: 'supervisor',
    answer: z.object({ url: z.string(), qr: z.string() }),
    async handle({ env, eventId, actor, params, origin }) {
      const gateId = params.gateId as GateId
      const gate = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.gate(actor, gateId))
      if (!gate.ok) return answerProblem(gate.problem)
      if (gate.value.kind !== 'checkpoint') {
        return badRequestResponse([{ field: 'gateId', message: 'must be a checkpoint' }])
      }
      const url = `${origin}/s/${sealStall(ringOf(env), { eventId, gateId })}`
      return success({ url, qr: svgDataUri(qrSvg(url, defaultQrStyle)) })
    },
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/stall-report/{eventId}',
    summary: 'Visits by stall: in all, and by different tickets',
    tag,
    role: 'viewer',
    limit: 'report',
    answer: z.object({
      items: z.array(stallShape),
      nextCursor: z.null(),
    }),
    async handle({ env, eventId, actor }) {
      const visits = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.visits(actor))
      return visits.ok ? success({ items: visits.value, nextCursor: null }) : answerProblem(visits.problem)
    },
  }),

  route({
    method: 'post',
    path: '/t/{ref}/visits',
    audit: { because: 'a visit is an entry of the log' },
    summary: "Note a visit: the ticket's link and what the stall's QR code says are all it takes",
    tag,
    role: null,
    body: z.object({ stall: z.string().max(400), scanId: z.string().optional() }),
    async handle({ request, env, params, body, at }) {
      const link = openLink(ringOf(env), params.ref ?? '')
      const stall = openStall(ringOf(env), body.stall)
      if (link === null || stall === null || stall.eventId !== link.eventId) {
        return turnAway(request, env, problemResponse('not_found'))
      }
      const tooMany = await countLink(request, env, params.ref ?? '')
      if (tooMany) return tooMany
      const scanId =
        parseUuid<ScanId>(body.scanId ?? '') ?? uuidAt<ScanId>(at, crypto.getRandomValues(new Uint8Array(16)))
      const visit = { ticketId: link.ticketId, link: link.link, gateId: stall.gateId, scanId }
      const fingerprint = fingerprintOf(['visit', visit])
      const recorded = await askGatekeeper(env, link.eventId, (gatekeeper) =>
        gatekeeper.visit({ ...visit, fingerprint }),
      )
      return recorded.ok ? answerScan(recorded.value) : answerProblem(recorded.problem)
    },
  }),
]
