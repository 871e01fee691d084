import { describe, expect, test } from 'vitest'
import { faultsNoted } from '../fuzz/verdicts.ts'
import { type Answer, type Device, gateA, gateB, inParallel, issue, makeEvent, type ScanAnswer } from './client.ts'
import { guardOneTicket, logged, noteStored, others, scanner, server, stored, token, venue } from './genuine-ticket.ts'
import { randomFrom } from './load.ts'
import { expectProblem, issuesOf } from './problems.ts'

guardOneTicket()

describe('a request that is no scan', () => {
  test.each([
    ['is empty', ''],
    ['is cut off', `{"qrPayload":"${'A1'.repeat(50)}`],
    ['is a form', `qrPayload=A1&gateId=${gateA}`],
    ['is JavaScript', `{qrPayload: 'A1', gateId: '${gateA}'}`],
    ['has a comma too many', `{"qrPayload":"A1","gateId":"${gateA}",}`],
    ['is two in one', `{"gateId":"${gateA}"}{"qrPayload":"A1"}`],
    ['is NaN', 'NaN'],
    ['is a zero byte', '\u0000'],
    ['is 16,000 brackets', '['.repeat(16_000)],
  ])('is refused where it %s', async (_, body) => {
    expectBadRequest(await validate(body), [''])
  })

  test.each([
    ['holds a byte that is none', [0xff]],
    ['spells a character longer than need be', [0xc0, 0x80]],
    ['holds half a character', [0xf0, 0x9f, 0x8e]],
    ['holds a surrogate as bytes', [0xed, 0xa0, 0x80]],
  ])('is refused where its text is not UTF-8 and %s', async (_, bytes) => {
    const around = (text: string) => [...new TextEncoder().encode(text)]
    const body = Uint8Array.from([...around(`{"gateId":"${gateA}","qrPayload":"A1`), ...bytes, ...around('"}')])
    expectBadRequest(await validate(body), [''])
  })

  test('is refused where its text is UTF-16', async () => {
    expectBadRequest(await validate(new Uint8Array(Buffer.from(scanText(), 'utf16le'))), [''])
  })

  test.each([['[]'], [`[${JSON.stringify({ qrPayload: 'A1', gateId: gateA })}]`], ['null'], ['5'], ['"A1"'], ['true']])(
    'is refused where it is no object but %s',
    async (body) => {
      expectBadRequest(await validate(body), [''])
    },
  )

  test.each([
    ['the gate is missing', { qrPayload: 'a' }, ['gateId']],
    ['the code is missing', { gateId: gateA }, ['qrPayload']],
    ['both are missing', {}, ['qrPayload', 'gateId']],
    ['both are null', { qrPayload: null, gateId: null }, ['qrPayload', 'gateId']],
    ['the code is missing and people is wrong', { gateId: gateA, people: 0 }, ['qrPayload', 'people']],
  ])('is told every bad field where %s', async (_, body, fields) => {
    expectBadRequest(await validate(JSON.stringify(body)), fields)
  })

  test.each([
    ['qrPayload', ['5', 'true', '{}', '""', `["${'A1'.repeat(106)}"]`]],
    ['gateId', ['5', 'null', '{}', `["${gateA}"]`, '""', `"${'G'.repeat(65)}"`]],
    ['ticketId', ['5', '"no-uuid"', '""']],
    ['scanId', ['5', '"no-uuid"', '""', '"{c3f5a1de-5f0b-4a36-8f57-8c1a7a9f4d11}"']],
    ['people', ['0', '-1', '256', '1.5', '1e400', '"2"', 'true', '[1]']],
    ['direction', ['1', '"sideways"', '""']],
    ['source', ['1', '"fax"']],
    ['force', ['true', '"please"', '[]']],
    ['force.reason', ['{}', '{"reason":""}', '{"reason":"  "}', '{"reason":5}']],
    ['localTimestamp', ['{}', 'true', '"yesterday"', '"2026-13-45T00:00:00Z"']],
    ['deviceId', ['5', '[]']],
    ['gateName', ['5', `"${'N'.repeat(201)}"`]],
  ])('is told that %s is wrong', async (field, values) => {
    for (const value of values) {
      const fields = {
        qrPayload: JSON.stringify(token),
        gateId: JSON.stringify(gateA),
        [field.split('.')[0] ?? '']: value,
      }
      const body = `{${Object.entries(fields).map(([name, json]) => `"${name}":${json}`)}}`
      expectBadRequest(await validate(body), [field])
    }
  })

  test('is told that a body over 16 KiB is too large, whether its length was announced or not', async () => {
    for (const length of [16 * 1024 + 1, 100_000, 1_000_000]) {
      const body = scanText('x'.repeat(length - scanText('').length))
      expect(body).toHaveLength(length)
      const streamed = new Blob([body]).stream() as ReadableStream
      for (const answer of [await validate(body), await validate(streamed)]) expectProblem(answer, 413, 'too_large')
    }
  })

  test('is told in data.issues what is wrong with a body over 16 KiB', async () => {
    const answer = await validate(scanText('x'.repeat(20_000)))
    expect(issuesOf(answer)).toEqual([{ field: expect.any(String), message: expect.any(String) }])
  })
})

describe('half a character, which no text can hold', () => {
  test.each([
    ['qrPayload', '{"qrPayload":"A1\\ud800","gateId":"GATE-A"}'],
    ['gateId', '{"qrPayload":"A1","gateId":"\\udc00\\ud800"}'],
    ['force.reason', '{"qrPayload":"A1","gateId":"GATE-A","force":{"reason":"\\uDBFF!"}}'],
    ['extra', '{"qrPayload":"A1","gateId":"GATE-A","extra":"\\uDFFF"}'],
  ])('is refused in %s, naming it', async (field, body) => {
    expectBadRequest(await validate(body), [field])
  })

  test('is refused in the name of a field, and below 5,000 brackets', async () => {
    const deep = `${'['.repeat(5000)}"\\ud800"${']'.repeat(5000)}`
    for (const extra of ['"\\ud800":1', `"extra":${deep}`]) {
      expectProblem(await validate(`{"qrPayload":"A1","gateId":"GATE-A",${extra}}`), 400, 'bad_request')
    }
  })

  test('is not confused with a whole one, spelt in two escapes or in itself', async () => {
    for (const gate of ['"\\ud83d\\udeaa"', '"🚪"']) {
      expectProblem(await validate(`{"qrPayload":"${token}","gateId":${gate}}`), 404, 'unknown_gate')
    }
  })
})

describe('a genuine ticket', () => {
  test.each(['NOWHERE', 'gate-a', '__proto__', 'constructor', '\u0000', "GATE-A' OR 1=1 --"])(
    'is not let in at a gate %j, which the event has not',
    async (gateId) => {
      expectProblem(await (await scanner()).scan({ qrPayload: token, gateId }), 404, 'unknown_gate')
    },
  )

  test('is not let in where a field only seems to be there', async () => {
    const proto = `{"__proto__":{"gateId":"${gateA}"},"qrPayload":"${token}"}`
    expectBadRequest(await validate(proto), ['gateId'])
    const nested = `{"constructor":{"prototype":{"gateId":"${gateA}"}},"qrPayload":"${token}"}`
    expectBadRequest(await validate(nested), ['gateId'])
  })

  test('is judged by the last of two fields of one name', async () => {
    expectProblem(
      await validate(`{"gateId":"${gateA}","qrPayload":"${token}","gateId":"NOWHERE"}`),
      404,
      'unknown_gate',
    )
    expectInvalidCode(await validate(`{"gateId":"NOWHERE","qrPayload":"rubbish","gateId":"${gateA}"}`))
  })

  test('is not let in by a device that claims to be another', async () => {
    const device = await scanner()
    const body = { qrPayload: token, gateId: gateA }
    const named = [
      await device.send('POST', path, { ...body, deviceId: 'another' }),
      await device.send('POST', path, body, { headers: { 'X-Device-ID': 'another' } }),
    ]
    for (const answer of named) expectProblem(answer, 403, 'device_mismatch')
    const stolen = await device.send('POST', path, body, { headers: { 'X-Device-Token': 'a1_dev_stolen' } })
    expectProblem(stolen, 403, 'device_token_invalid')
  })
})

describe('rubbish in place of a code', () => {
  const random = randomFrom(16)
  const letters = (from: number, count: number) =>
    String.fromCharCode(...[...Array(count)].map(() => from + Math.floor(random() * 94)))

  test.each([
    ['16 KiB of characters', letters(0x20, 16_000)],
    ['16 KiB of one letter', 'A1'.padEnd(16_300, 'A')],
    ['Chinese', letters(0x4e00, 5000)],
    ['emoji', '🎟'.repeat(4000)],
    ['line breaks and zero bytes', '\n\u0000'.repeat(1000)],
    ['one character', 'x'],
    ['a link', 'https://example.org/t/1'],
    ['spaces', '     '],
    ['as long as a ticket', 'A1'.padEnd(212, 'A')],
    ['SQL', "'; DROP TABLE entry; --"],
  ])('is refused: %s', async (_, qrPayload) => {
    expectInvalidCode(await (await scanner()).scan({ qrPayload, gateId: gateA }))
  })

  test('is refused where the whole request is exactly 16 KiB', async () => {
    const body = scanText('x'.repeat(16 * 1024 - scanText('').length))
    expect(body).toHaveLength(16 * 1024)
    expectInvalidCode(await validate(body))
  })

  test('is refused whatever else is nested in the request', async () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    expectBadRequest(await validate(`{"qrPayload":"rubbish","gateId":"${gateA}","extra":${deep}}`), ['extra'])
    expectBadRequest(await validate(`{"qrPayload":${deep},"gateId":"${gateA}"}`), ['qrPayload'])
  })
})

describe('a code that is almost a ticket', () => {
  test('is refused with any one of its 212 characters changed', async () => {
    expect(token).toHaveLength(212)
    expectAllInvalid(await scanAll([...token].map((_, i) => flipped(i))))
  })

  test('is refused with any one of its characters left out or doubled', async () => {
    const places = [0, 1, 2, 9, 15, 90, 117, 130, 200, 211]
    expectAllInvalid(await scanAll(places.map((i) => token.slice(0, i) + token.slice(i + 1))))
    expectAllInvalid(await scanAll(places.map((i) => token.slice(0, i + 1) + token.slice(i))))
  })

  test('is refused cut short or made longer', async () => {
    const lengths = [1, 2, 3, 4, 13, 100, 127, 128, 129, 150, 200, 210, 211]
    expectAllInvalid(await scanAll(lengths.map((length) => token.slice(0, length))))
    expectAllInvalid(
      await scanAll([`${token}A`, `A${token}`, token + token, `${token}=`, `${token} x`, `${token}\nA1`]),
    )
  })

  test('is refused where it is a ticket of another event, whoever’s that is', async () => {
    const elsewhere = `/api/events/${await makeEvent(venue.organiser)}`
    const [sibling] = await issue(venue.organiser, elsewhere, 1)
    for (const foreign of [sibling?.token ?? '', others.tickets[0]?.token ?? '']) {
      const answer = await (await scanner()).scan({ qrPayload: foreign, gateId: gateA })
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({ success: false, code: 'wrong_event', error: 'Invalid QR code' })
    }
  })
})

describe('an unreadable code and a forged one', () => {
  const codes = () => ({
    unreadable: ['hello world', 'x', '🎟', 'A1'.padEnd(212, '!'), 'x'.repeat(10_000)],
    forged: [flipped(5), flipped(20), flipped(60), flipped(110), flipped(150), flipped(205)],
  })

  test('are answered alike to the byte', async () => {
    const answers = await answersTo({ scanId: crypto.randomUUID(), gateId: gateA })
    for (const answer of answers) expectInvalidCode(answer)
    expect([...new Set(answers.map(wire))]).toHaveLength(1)
  })

  test('are answered alike at a gate that the event has not', async () => {
    const answers = await answersTo({ scanId: crypto.randomUUID(), gateId: 'NOWHERE' })
    expect([...new Set(answers.map(wire))]).toHaveLength(1)
  })

  test('are answered alike under a scanId that was used for a ticket', async () => {
    const scanId = crypto.randomUUID()
    const [ticket] = await issue(venue.organiser, venue.path, 1)
    const device = await scanner()
    expect((await device.scan({ scanId, qrPayload: ticket?.token ?? '', gateId: gateA })).status).toBe(200)
    noteStored()
    const answers = await answersTo({ scanId, gateId: gateA })
    expect([...new Set(answers.map(wire))]).toHaveLength(1)
  })

  test('are answered alike to a device that was revoked', async () => {
    const device = await scanner()
    await venue.organiser.ask('POST', `${venue.path}/devices/${device.deviceId}/revoke`)
    const answers = await answersTo({ scanId: crypto.randomUUID(), gateId: gateA }, device)
    expect([...new Set(answers.map(wire))]).toHaveLength(1)
  })

  async function answersTo(scan: { scanId: string; gateId: string }, from?: Device): Promise<Answer<ScanAnswer>[]> {
    const device = from ?? (await scanner())
    const { unreadable, forged } = codes()
    return inParallel([...unreadable, ...forged], 1, (qrPayload) => device.scan({ ...scan, qrPayload }))
  }

  /** All that goes over the wire, but for the date. */
  function wire({ status, headers, text }: Answer<unknown>): string {
    return JSON.stringify([status, [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id'), text])
  }
})

describe('after all of that', () => {
  test('the genuine ticket is let in, that is stored, and the server has noted no fault of its own', async () => {
    const answer = await (await scanner()).scan({ qrPayload: token, gateId: gateB })
    expect(answer.body).toMatchObject({ verdict: 'admitted', data: { scan: { admitted: 1 } } })
    expect(stored()).toBe(logged + 1)
    noteStored()
    expect(faultsNoted(server.output('stderr'))).toBe('')
  })
})

const path = '/api/hp-scanner/validate-qr'
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

async function validate(body: string | Uint8Array | ReadableStream): Promise<Answer<ScanAnswer>> {
  return (await scanner()).send('POST', path, body)
}

function scanText(qrPayload = 'A1'): string {
  return JSON.stringify({ qrPayload, gateId: gateA })
}

function flipped(i: number): string {
  const other = base32[(base32.indexOf(token[i] ?? '') + 1) % 32]
  return token.slice(0, i) + other + token.slice(i + 1)
}

/** Scans each code once, twenty a device, of which the contract blocks none yet. */
async function scanAll(codes: string[]): Promise<Answer<ScanAnswer>[]> {
  const devices = await Promise.all([...Array(Math.ceil(codes.length / 20))].map(scanner))
  return inParallel([...codes.entries()], 8, ([i, qrPayload]) => {
    const device = devices[Math.floor(i / 20)] as Device
    return device.scan({ qrPayload, gateId: gateA })
  })
}

function expectAllInvalid(answers: Answer<ScanAnswer>[]): void {
  for (const answer of answers) expectInvalidCode(answer)
}

/** The contract's answer to a code that is none of ours. */
function expectInvalidCode({ status, text, body }: Answer<ScanAnswer>): void {
  expect(status, text).toBe(400)
  const { message, ...rest } = body as ScanAnswer & { message: string }
  expect(rest).toMatchObject({
    success: false,
    verdict: 'refused',
    error: 'Invalid QR code',
    code: 'unreadable',
    scanId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    replay: false,
    validationTime: expect.any(Number),
  })
  expect(message).toMatch(/\w/)
}

function expectBadRequest(answer: Answer<unknown>, fields: string[]): void {
  expectProblem(answer, 400, 'bad_request')
  const issues = issuesOf(answer)
  expect(issues.map(({ field }) => field).sort(), answer.text).toEqual([...fields].sort())
  for (const { message } of issues) expect(message).toMatch(/\w/)
}
