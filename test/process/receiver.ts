import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How an endpoint may behave. */
export type Manner = 'ok' | 'error' | 'redirect' | 'hang' | 'huge' | 'cut'

export type Received = { id: string; type: string; ticketId: string | null; manner: Manner; isGenuine: boolean }

/** An organiser's own server, as well or as unwell as the test wants it. */
export async function startReceiver(mannerFor: (id: string, attempt: number) => Manner) {
  const received: Received[] = []
  const elsewhere: string[] = []
  let secret = ''
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.url !== '/hook') {
      elsewhere.push(request.url ?? '')
      response.end()
      return
    }
    const body = Buffer.concat(chunks).toString()
    const id = String(request.headers['webhook-id'])
    const manner = mannerFor(id, received.filter((one) => one.id === id).length + 1)
    const { type, data } = JSON.parse(body) as { type: string; data: { ticketId: string | null } }
    received.push({ id, type, ticketId: data.ticketId, manner, isGenuine: isGenuine(request, body, secret) })
    answers[manner](response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    /** What was asked for that is not the hook: where a redirect was followed. */
    elsewhere,
    verifyWith: (text: string) => {
      secret = text
    },
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const answers: Record<Manner, (response: ServerResponse) => void> = {
  ok: (response) => response.writeHead(204).end(),
  error: (response) => response.writeHead(500).end('something broke'),
  redirect: (response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
  hang: () => {},
  // As much as anybody takes.
  huge: (response) => {
    response.writeHead(200)
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
    }
    response.on('drain', pour)
    pour()
  },
  cut: (response) => response.destroy(),
}

/** As the Standard Webhooks specification has it, with nothing of ours. */
function isGenuine({ headers }: IncomingMessage, body: string, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const seconds = String(headers['webhook-timestamp'])
  if (Math.abs(Date.now() / 1000 - Number(seconds)) > 300) return false
  const expected = createHmac('sha256', key).update(`${headers['webhook-id']}.${seconds}.${body}`).digest()
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((text) => text.startsWith('v1,'))
    .map((text) => Buffer.from(text.slice(3), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected))
}
