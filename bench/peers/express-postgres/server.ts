import express from 'express'
import { clustered } from '../clustered.ts'
import { connectDatabase } from '../database.ts'
import { admitted, CODE_SECRET, duplicate, invalid, isDevice, openCode, PORT, readScan } from '../tickets.ts'

/*
 * Express and PostgreSQL alone. The ticket's row is locked by the UPDATE that takes it, in one statement with the entry:
 * one way there and back and one commit, where a transaction around SELECT … FOR UPDATE takes four. A batch of offline
 * scans is one such statement, too.
 */

const admit = `WITH taken AS (UPDATE ticket SET admitted_at = $4 WHERE id = $2 AND admitted_at IS NULL RETURNING id)
  INSERT INTO entry (scan, ticket, gate, verdict, at)
  SELECT $1, $2, $3, CASE WHEN EXISTS (SELECT FROM taken) THEN 'admitted' ELSE 'duplicate' END, $4 RETURNING verdict`

const admitAll = `WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS g (scan, ticket, gate)),
  taken AS (UPDATE ticket SET admitted_at = $4 FROM given WHERE id = given.ticket AND admitted_at IS NULL RETURNING id)
  INSERT INTO entry (scan, ticket, gate, verdict, at)
  SELECT scan, ticket, gate, CASE WHEN EXISTS (SELECT FROM taken WHERE id = given.ticket) THEN 'admitted' ELSE 'duplicate' END,
    $4 FROM given
  ON CONFLICT (scan) DO NOTHING RETURNING scan, verdict`

await clustered(async (ready) => {
  const database = connectDatabase()

  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use(express.json({ limit: '256kb' }))
  app.post('/scan', async (request, response) => {
    const scan = readScan(request.body)
    const ticketId = scan && openCode(CODE_SECRET, scan.qrPayload)
    if (!isDevice(request.headers.authorization) || scan === null || ticketId === null) {
      response.status(400).json(invalid)
      return
    }
    const at = Date.now()
    const values = [scan.scanId, ticketId, scan.gateId, new Date(at)]
    const { rows } = await database.query<{ verdict: string }>({ name: 'admit', text: admit, values })
    if (rows[0]?.verdict === 'admitted') response.json(admitted(scan, ticketId, at))
    else response.status(409).json(duplicate(scan, ticketId))
  })
  app.post('/sync', async (request, response) => {
    const scans = (request.body.scans as unknown[]).map((one) => {
      const scan = readScan(one)
      const ticketId = scan && openCode(CODE_SECRET, scan.qrPayload)
      return scan && ticketId ? { ...scan, ticketId } : null
    })
    const good = scans.filter((scan) => scan !== null)
    const values = [
      good.map(({ scanId }) => scanId),
      good.map(({ ticketId }) => ticketId),
      good.map(({ gateId }) => gateId),
      new Date(),
    ]
    const { rows } = await database.query<{ scan: string; verdict: string }>({
      name: 'admit all',
      text: admitAll,
      values,
    })
    const verdicts = new Map(rows.map(({ scan, verdict }) => [scan, verdict]))
    const items = scans.map((scan, index) => ({
      index,
      scanId: scan?.scanId ?? null,
      outcome: scan === null ? 'refused' : verdicts.get(scan.scanId) === 'admitted' ? 'ok' : 'duplicate',
    }))
    const successful = items.filter(({ outcome }) => outcome === 'ok').length
    response.json({ success: true, results: { total: items.length, successful, items } })
  })
  app.listen(Number(PORT), '127.0.0.1', ready)
})
