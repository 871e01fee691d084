import { exports } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { call, issue, newDevice, newEvent, newOrganisation, type Party } from './api.ts'

let event: Party
beforeAll(async () => {
  event = await newEvent({ title: 'Łódź (Ωmega) \\ Expo' })
  await issue(
    event,
    { reference: 'A/1', holder: { name: 'Ada Lovelace' } },
    { reference: 'A?1', holder: { name: 'Ελένη Παπαδοπούλου' }, type: 'vip' },
    { reference: '../../etc/passwd', holder: { name: '山田太郎' } },
    { holder: { name: ')Tj ET (' } },
  )
  const [revoked] = await issue(event, { reference: 'gone' })
  await call('POST', `${event.path}/tickets/${revoked?.id}/revoke`, { as: event.key })
})

async function fetchSheet(path: string, as: string = event.key) {
  const response = await exports.default.fetch(
    new Request(`https://admit.example${path}`, { headers: { Authorization: `Bearer ${as}` } }),
  )
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, text: new TextDecoder('latin1').decode(bytes) }
}
const pages = (text: string) => text.match(/\/Type \/Page /g)?.length ?? 0

describe('tickets on paper', () => {
  it('are a PDF with one ticket a page, and one more that names the tickets whose names it cannot write', async () => {
    const { status, headers, text } = await fetchSheet(`${event.path}/sheet.pdf`)
    expect([status, headers.get('Content-Type'), headers.get('X-Total-Count')]).toEqual([200, 'application/pdf', '4'])
    expect(headers.get('Cache-Control')).toBe('private, no-store')
    expect(headers.get('Content-Disposition')).toMatch(
      /^attachment; filename="tickets.pdf"; filename\*=UTF-8''[\w%.-]+$/,
    )
    expect(text).toMatch(/^%PDF-1\.7\n[\s\S]*%%EOF\n$/)
    expect(pages(text)).toBe(5)
  })

  it('lists every object of the PDF where it stands', async () => {
    const { text } = await fetchSheet(`${event.path}/sheet.pdf?layout=badges`)
    const start = Number(/startxref\n(\d+)\n/.exec(text)?.[1])
    const lines = text.slice(start).split('\n').slice(3)
    const places = lines.slice(0, lines.indexOf('trailer')).map((line) => Number(line.slice(0, 10)))
    expect(places.length).toBeGreaterThan(8)
    for (const [i, place] of places.entries()) expect(text.slice(place)).toMatch(new RegExp(`^${i + 1} 0 obj\n`))
  })

  it('stand ten badges a page, or as many as fit in the size that is asked for', async () => {
    const many = await newEvent()
    await issue(many, ...Array.from({ length: 11 }, () => ({})))
    const pagesOf = async (query: string) => pages((await fetchSheet(`${many.path}/sheet.pdf?${query}`, many.key)).text)
    expect(await pagesOf('layout=badges')).toBe(2)
    expect(await pagesOf('layout=badges&size=100x140')).toBe(3)
    expect(await pagesOf('layout=badges&size=200x287')).toBe(11)
    expect(await pagesOf('layout=ticket')).toBe(11)
  })

  it.each(['size=10x10', 'size=90', 'size=-90x55', 'size=999x55', 'layout=poster', 'status=lost'])(
    'are refused with %s, and the field is named',
    async (query) => {
      const { status, body } = await call('GET', `${event.path}/sheet.pdf?${query}`, { as: event.key })
      expect([status, body.code, body.data.issues[0].field]).toEqual([400, 'bad_request', query.split('=')[0]])
    },
  )

  it('are those of a type, a status or a search; revoked ones only where they are asked for', async () => {
    const count = async (query: string) => {
      const { headers, text } = await fetchSheet(`${event.path}/sheet.pdf?${query}`)
      return [headers.get('X-Total-Count'), pages(text)]
    }
    expect(await count('type=vip')).toEqual(['1', 1])
    expect(await count('type=nothing')).toEqual(['0', 1])
    expect(await count('status=revoked')).toEqual(['1', 1])
    expect(await count('search=Lovelace')).toEqual([null, 1])
  })

  it('of an event without tickets are one page that says so, since a PDF without pages cannot be opened', async () => {
    const empty = await newEvent()
    const { status, text } = await fetchSheet(`${empty.path}/sheet.pdf`, empty.key)
    expect([status, pages(text)]).toEqual([200, 1])
  })

  it('are a ZIP of images too, each under a name of its own that no file system minds', async () => {
    const { status, headers, text } = await fetchSheet(`${event.path}/sheet.zip`)
    expect([status, headers.get('Content-Type'), headers.get('X-Total-Count')]).toEqual([200, 'application/zip', '4'])
    const listed = text.split('PK\u0001\u0002').slice(1)
    const names = listed.map((entry) => /^[\w.-]+\.png/.exec(entry.slice(42))?.[0] ?? entry)
    expect(new Set(names).size).toBe(4)
    for (const name of names) expect(name).toMatch(/^([\w][\w.-]*-)?[0-9A-Z]{8}\.png$/)
    expect(names.join()).not.toContain('..-')
  })

  it('are for organisers of the event', async () => {
    const { token } = await newDevice(event, 'sue')
    const stranger = await newOrganisation()
    for (const path of ['sheet.pdf', 'sheet.zip']) {
      expect((await call('GET', `${event.path}/${path}`, { as: token })).body.code).toBe('role_required')
      expect((await call('GET', `${event.path}/${path}`, { as: stranger.key })).status).toBe(404)
      expect((await call('GET', `${event.path}/${path}`)).status).toBe(401)
    }
  })

  it('cannot be had where codes rotate, and the answer says why', async () => {
    const rotating = await newEvent({ policy: { rotatingCodes: true } })
    for (const path of ['sheet.pdf', 'sheet.zip']) {
      const { status, body } = await call('GET', `${rotating.path}/${path}`, { as: rotating.key })
      expect([status, body.code]).toEqual([409, 'codes_rotate'])
      expect(body.message).toContain('cannot be printed')
    }
  })
})
