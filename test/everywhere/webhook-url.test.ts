import { describe, expect, it } from 'vitest'
import { webhookUrlIssue } from '../../workers/webhook-url.ts'

const own = 'tickets.organiser.example'

const good = [
  'https://hooks.organiser.example/admit',
  'https://organiser.example/',
  'https://organiser.example:443/?a=b',
  'https://a.b.c.example/%2e%2e',
  'https://münchen.example/',
  'https://1.example/',
  'https://localhost.example/',
  'https://10.0.0.1.example/',
  'https://internal.organiser.example/',
  'https://nottickets.organiser.example/',
]

const https = 'must begin with https://'
const port = 'must use port 443'
const address = 'must name a host, not an IP address'
const notPublic = 'must be a public address'
const notOurs = 'must not be this server itself'
const noUser = 'must hold no user name or password'
const noUrl = 'must be a URL'

const bad: [string, string][] = [
  ['', noUrl],
  ['organiser.example', noUrl],
  ['https://', noUrl],
  ['https://a b.example/', noUrl],
  ['https://256.256.256.256/', noUrl],
  ['https://0x1ffffffff/', noUrl],
  ['https://[::1', noUrl],
  ['http://organiser.example/', https],
  ['ftp://organiser.example/', https],
  ['file:///etc/passwd', https],
  ['javascript:alert(1)', https],
  ['data:text/plain,x', https],
  ['wss://organiser.example/', https],
  ['https://organiser.example:8443/', port],
  ['https://organiser.example:80/', port],
  ['https://organiser.example:22/', port],
  ['https://user:pass@organiser.example/', noUser],
  ['https://user@organiser.example/', noUser],
  ['https://:pass@organiser.example/', noUser],
  ['https://organiser.example/#there', 'must have no part behind a #'],
  ['https://127.0.0.1/', address],
  ['https://127.1/', address],
  ['https://127.0.0.1./', address],
  ['https://2130706433/', address],
  ['https://0x7f000001/', address],
  ['https://0x7f.0.0.1/', address],
  ['https://0177.0.0.1/', address],
  ['https://0/', address],
  ['https://10.0.0.1/', address],
  ['https://192.168.1.1/', address],
  ['https://169.254.169.254/latest/meta-data/', address],
  ['https://8.8.8.8/', address],
  ['https://①②⑦.0.0.1/', address],
  ['https://127。0。0。1/', address],
  ['https://%31%32%37.0.0.1/', address],
  ['https://[::1]/', address],
  ['https://[::]/', address],
  ['https://[::ffff:127.0.0.1]/', address],
  ['https://[fd00::1]/', address],
  ['https://[2606:4700::1111]/', address],
  ['https://localhost/', notPublic],
  ['https://LOCALHOST/', notPublic],
  ['https://localhost./', notPublic],
  ['https://a.localhost/', notPublic],
  ['https://printer.local/', notPublic],
  ['https://printer.local./', notPublic],
  ['https://metadata.google.internal/', notPublic],
  ['https://router.lan/', notPublic],
  ['https://nas.home.arpa/', notPublic],
  ['https://intranet/', notPublic],
  ['https://kubernetes/', notPublic],
  ['https://127.0.0.1.nip.io/', notPublic],
  ['https://10-0-0-1.sslip.io/', notPublic],
  ['https://localtest.me/', notPublic],
  ['https://tickets.organiser.example/api/events', notOurs],
  ['https://TICKETS.organiser.example/', notOurs],
  ['https://tickets.organiser.example./', notOurs],
  ['https://a.tickets.organiser.example/', notOurs],
]

describe('the address of a webhook', () => {
  it.each(good)('may be %s', (url) => {
    expect(webhookUrlIssue(url, own, false)).toBeNull()
  })

  it.each(bad)('threat 22: may not be %s: it %s', (url, why) => {
    expect(webhookUrlIssue(url, own, false)).toBe(why)
  })

  it('may be on this computer where the start was asked for that, and nowhere else that is private', () => {
    for (const url of ['http://127.0.0.1:9000/', 'http://localhost:9000/hook', 'http://[::1]:9000/']) {
      expect(webhookUrlIssue(url, own, true)).toBeNull()
      expect(webhookUrlIssue(url, own, false)).not.toBeNull()
    }
    for (const url of [
      'http://10.0.0.1/',
      'https://192.168.0.1/',
      'http://organiser.example/',
      'https://a.localhost/',
    ]) {
      expect(webhookUrlIssue(url, own, true)).not.toBeNull()
    }
  })
})
