import type { RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Route } from './route.ts'
import { VERSION } from './version.ts'

/** The head of the OpenAPI description; the paths come from the route table. */
export const description = {
  openapi: '3.1.0',
  info: {
    title: 'Admit One',
    version: VERSION,
    description:
      'One ticket, one entry. Instants are ISO 8601 UTC; every answer is an envelope whose `success` says which kind; ' +
      'a 5xx means that the answer is not known and the same request may be sent again. A device that signed its enrolment ' +
      'signs every request: Content-Digest (RFC 9530), Signature-Input and Signature (RFC 9421), as docs/keys.md says.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/' }],
}

const failure = z.object({
  success: z.literal(false),
  error: z.string().describe('A short English title'),
  code: z.string().describe('The machine word'),
  message: z.string().describe('One sentence for a person'),
  data: z.record(z.string(), z.unknown()).optional(),
})

/** Takes a route; gives its part of the OpenAPI description. */
export function describeRoute(route: Route): RouteConfig {
  const params = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, z.string()] as const)
  const content = (schema: z.ZodType) => ({ 'application/json': { schema } })
  return {
    method: route.method,
    path: route.path,
    summary: route.summary,
    tags: [route.tag],
    description: [whoMay(route), whatIsTold(route)].join(' ').trim(),
    security: route.role === null ? [] : [{ bearer: [] }],
    request: {
      ...(isForDevices(route) ? { headers: deviceHeaders } : {}),
      ...(params.length > 0 ? { params: z.object(Object.fromEntries(params)) } : {}),
      ...(route.query ? { query: route.query } : {}),
      ...(route.body ? { body: { content: content(route.body) } } : {}),
    },
    responses: {
      [route.status]: { description: 'Done', ...(route.answer ? { content: content(route.answer) } : {}) },
      default: { description: 'Refused, or not possible', content: content(failure) },
    },
  }
}

/** What a device may say of itself beside its credential, and does where it signs: docs/keys.md. */
const deviceHeaders = z.object({
  'X-Device-ID': z.string().optional().describe("The staff token's device"),
  'X-Device-Token': z.string().optional().describe('The current token of that device'),
  'Content-Digest': z.string().optional().describe('sha-256=:base64: of the body (RFC 9530)'),
  'Signature-Input': z.string().optional().describe('What is signed, when, and a nonce (RFC 9421)'),
  Signature: z.string().optional().describe("device=:base64: with the device's own key"),
})

function isForDevices({ role, path }: Route): boolean {
  return role === 'scanner' || role === 'supervisor' || role === 'viewer' || path.startsWith('/api/devices/')
}

/** In words, what the audit log is told. */
function whatIsTold({ audit }: Route): string {
  if (audit === undefined) return ''
  return typeof audit === 'string' ? `Noted in the audit log as ${audit}.` : `Not in the audit log: ${audit.because}.`
}

/** In words, who may make a call. */
export function whoMay({ role }: Route): string {
  if (role === null) return 'No credential.'
  return role === 'viewer' ? 'Any role.' : `Role: ${role} or above.`
}
