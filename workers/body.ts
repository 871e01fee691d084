import type { z } from 'zod'
import type { Issue } from '../core/answers.ts'
import { badRequestResponse, problemResponse } from './problems.ts'

/** 16 KiB: what a request may hold unless its call says otherwise. */
export const DEFAULT_MAX_BYTES = 16 * 1024

type Parsed<T> = { ok: true; value: T } | { ok: false; response: Response }

/** Reads a JSON body of at most so many bytes and parses it; gives the value, or the 400 or 413 to answer with. */
export async function parseBody<S extends z.ZodType>(
  request: Request,
  schema: S,
  maxBytes: number,
): Promise<Parsed<z.output<S>>> {
  const text = await readText(request, maxBytes)
  if (!text.ok) return text
  const json = parseJson(text.value)
  return json.ok ? parse(schema, json.value) : json
}

/** Parses any value from outside; gives it, or a 400 that names each bad field. */
export function parse<S extends z.ZodType>(schema: S, value: unknown): Parsed<z.output<S>> {
  const read = check(schema, value)
  return read.ok ? read : { ok: false, response: badRequestResponse(read.issues) }
}

/** The same for what did not come in a request. */
export function check<S extends z.ZodType>(
  schema: S,
  value: unknown,
): { ok: true; value: z.output<S> } | { ok: false; issues: Issue[] } {
  const result = schema.safeParse(value)
  return result.success
    ? { ok: true, value: result.data }
    : { ok: false, issues: result.error.issues.map((issue) => toIssue(issue)) }
}

/** What of a value no schema is to see: half a character, or lists in lists without an end. null: nothing is. */
export function brokenTextIn(value: unknown): Issue | null {
  const fault = faultIn(value, [])
  return fault && toIssue(fault)
}

async function readText(request: Request, maxBytes: number): Promise<Parsed<string>> {
  const tooLarge = () => ({
    ok: false as const,
    response: problemResponse('too_large', {
      data: { issues: [{ field: '', message: `is larger than ${maxBytes} bytes` }] },
    }),
  })
  const declared = request.headers.get('Content-Length')
  if (declared !== null) {
    if (Number(declared) > maxBytes) return tooLarge()
    return decode(request, await request.arrayBuffer())
  }
  // Nobody said how long it is, so it is counted as it comes and left where it grows too long.
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength
    if (length > maxBytes) return tooLarge()
    chunks.push(chunk)
  }
  return decode(request, await new Blob(chunks).arrayBuffer())
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

async function decode(request: Request, bytes: ArrayBuffer): Promise<Parsed<string>> {
  if (!(await isAsDigested(request, bytes))) return { ok: false, response: problemResponse('digest_mismatch') }
  try {
    return { ok: true, value: utf8.decode(bytes) }
  } catch {
    // A TypeError is how the decoder says that this is no UTF-8.
    return notJson('is not UTF-8')
  }
}

/** Where a request says the SHA-256 of its body (RFC 9530), whether it is: what a device signs is that. */
async function isAsDigested(request: Request, bytes: ArrayBuffer): Promise<boolean> {
  const declared = /(?:^|[\s,])sha-256=:([A-Za-z0-9+/=]*):/.exec(request.headers.get('Content-Digest') ?? '')?.[1]
  if (declared === undefined) return true
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return btoa(String.fromCharCode(...digest)) === declared
}

function parseJson(text: string): Parsed<unknown> {
  try {
    const value: unknown = JSON.parse(text)
    const fault = faultIn(value, [])
    return fault ? failed(fault) : { ok: true, value }
  } catch {
    // A SyntaxError is how JSON.parse says that this is no JSON.
    return notJson('is not JSON')
  }
}

function notJson(message: string): { ok: false; response: Response } {
  return failed({ path: [], message })
}

function failed(...issues: Parameters<typeof toIssue>[0][]): { ok: false; response: Response } {
  return { ok: false, response: badRequestResponse(issues.map(toIssue)) }
}

/** Nothing that a client has to say is nested deeper. */
const DEEPEST = 32

/** The first text, or name of a field, that is no Unicode, or what lies too deep; null where there is none. */
function faultIn(value: unknown, path: PropertyKey[]): { path: PropertyKey[]; message: string } | null {
  // It would be stored as another character than it was sent.
  if (typeof value === 'string') return value.isWellFormed() ? null : { path, message: 'holds half a character' }
  if (typeof value !== 'object' || value === null) return null
  if (path.length > DEEPEST) return { path: path.slice(0, 1), message: `is nested deeper than ${DEEPEST}` }
  for (const [key, inner] of Object.entries(value)) {
    if (!key.isWellFormed()) return { path, message: 'holds half a character' }
    const fault = faultIn(inner, [...path, Array.isArray(value) ? Number(key) : key])
    if (fault) return fault
  }
  return null
}

/** `tickets.3.type` is told as field `type` of item 3, as clients that sent a list expect it. */
function toIssue({ path, message }: { path: PropertyKey[]; message: string }): Issue {
  const [, second, ...rest] = path
  if (typeof second === 'number') return { index: second, field: rest.join('.'), message }
  return { field: path.join('.'), message }
}
