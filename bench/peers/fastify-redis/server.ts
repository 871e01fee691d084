import fastify from 'fastify'
import { createClient } from 'redis'
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
 * Fastify and Redis alone, the log in a list of Redis's. Not durable: with its usual settings Redis writes to the disk some
 * time later, and what a crash takes along was answered and is gone, so that those tickets admit again.
 */

await clustered(async (ready) => {
  const redis = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } })
  await redis.connect()

  const app = fastify({ bodyLimit: 16 * 1024 })
  app.post('/scan', async (request, reply) => {
    const scan = readScan(request.body)
    const ticketId = scan && openCode(CODE_SECRET, scan.qrPayload)
    if (!isDevice(request.headers.authorization) || scan === null || ticketId === null) {
      return reply.code(400).send(invalid)
    }
    const at = Date.now()
    const [taken] = await Promise.all([
      redis.set(`ticket:${ticketId}`, scan.scanId, { condition: 'NX' }),
      redis.rPush('log', JSON.stringify([scan.scanId, ticketId, scan.gateId, at])),
    ])
    return taken === 'OK' ? admitted(scan, ticketId, at) : reply.code(409).send(duplicate(scan, ticketId))
  })
  await app.listen({ port: Number(PORT), host: '127.0.0.1' })
  ready()
})
