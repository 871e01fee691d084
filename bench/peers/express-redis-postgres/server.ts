import express from 'express'
import { createClient } from 'redis'
import { clustered } from '../clustered.ts'
import { connectDatabase } from '../database.ts'
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
 * What most tutorials build: Express checks the code, Redis says with SET NX whether the ticket was there before, and
 * PostgreSQL has the entry log, written before the answer. Tuned as their authors advise: kept-alive connections, a pool,
 * a prepared statement, no ETag, production mode. A crash between Redis and PostgreSQL admits somebody who is in no log.
 */

await clustered(async (ready) => {
  const redis = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } })
  await redis.connect()
  const database = connectDatabase()

  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use(express.json({ limit: '16kb' }))
  app.post('/scan', async (request, response) => {
    const scan = readScan(request.body)
    const ticketId = scan && openCode(CODE_SECRET, scan.qrPayload)
    if (!isDevice(request.headers.authorization) || scan === null || ticketId === null) {
      response.status(400).json(invalid)
      return
    }
    const at = Date.now()
    const isFirst = (await redis.set(`ticket:${ticketId}`, scan.scanId, { condition: 'NX' })) === 'OK'
    await database.query({
      name: 'log',
      text: 'INSERT INTO entry (scan, ticket, gate, verdict, at) VALUES ($1, $2, $3, $4, $5)',
      values: [scan.scanId, ticketId, scan.gateId, isFirst ? 'admitted' : 'duplicate', new Date(at)],
    })
    if (isFirst) response.json(admitted(scan, ticketId, at))
    else response.status(409).json(duplicate(scan, ticketId))
  })
  app.listen(Number(PORT), '127.0.0.1', ready)
})
