import { createClient } from 'redis'
import { WebSocketServer } from 'ws'
import { clustered } from '../clustered.ts'
import {
  admitted,
  CODE_SECRET,
  duplicate,
  invalid,
  isDevice,
  openCode,
  PORT,
  REDIS_PORT,
  readScan,
} from '../tickets.ts'

/*
 * Scans over kept-open WebSockets, on Node's fastest server for them, and a Redis that puts each write on the disk before
 * it answers (appendfsync always): as durable as ours, and the least that such a server can do.
 */

await clustered(async (ready) => {
  const redis = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } })
  await redis.connect()

  const server = new WebSocketServer({ port: Number(PORT), host: '127.0.0.1', perMessageDeflate: false })
  server.on('connection', (socket, request) => {
    if (!isDevice(request.headers.authorization)) return socket.close(4401)
    socket.on('message', async (data) => {
      const { id, scan: given } = JSON.parse(String(data))
      const answer = await judge(given)
      socket.send(JSON.stringify({ type: 'answer', id, ...answer }))
    })
  })
  server.on('listening', ready)

  async function judge(given: unknown) {
    const scan = readScan(given)
    const ticketId = scan && openCode(CODE_SECRET, scan.qrPayload)
    if (scan === null || ticketId === null) return { status: 400, body: invalid }
    const at = Date.now()
    const [taken] = await Promise.all([
      redis.set(`ticket:${ticketId}`, scan.scanId, { condition: 'NX' }),
      redis.rPush('log', JSON.stringify([scan.scanId, ticketId, scan.gateId, at])),
    ])
    return taken === 'OK'
      ? { status: 200, body: admitted(scan, ticketId, at) }
      : { status: 409, body: duplicate(scan, ticketId) }
  }
})
