import cluster from 'node:cluster'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import express, { type Response } from 'express'
import { toBuffer, toString as toSvg } from 'qrcode'
import { createClient, RESP_TYPES } from 'redis'

/*
 * What one would build for the same job with the usual parts: Express, the qrcode package and Redis. It is tuned as its
 * authors advise: kept-alive connections, no ETag of Express's own over each body, no logging, production mode, one
 * process a core where PROCESSES says so. The ticket is looked up in memory, where ours asks its Gatekeeper.
 */

const { PORT = '0', REDIS_PORT = '6379', TICKETS = '', PROCESSES = '1' } = process.env

if (cluster.isPrimary && Number(PROCESSES) > 1) {
  for (let process = 0; process < Number(PROCESSES); process++) cluster.fork()
  let listening = 0
  cluster.on('listening', () => ++listening === Number(PROCESSES) && process.send?.('ready'))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0))
} else {
  await serve()
}

async function serve(): Promise<void> {
  const tokens = new Map(Object.entries(JSON.parse(readFileSync(TICKETS, 'utf8')) as Record<string, string>))
  const redis = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } }).withTypeMapping({
    [RESP_TYPES.BLOB_STRING]: Buffer,
  })
  await redis.connect()

  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.get('/qr/:file', async (request, response) => {
    const [ref = '', format] = request.params.file.split('.')
    const token = tokens.get(ref)
    if (token === undefined || (format !== 'svg' && format !== 'png')) {
      response.status(404).json({ success: false })
      return
    }
    const key = `qr:${createHash('sha256').update(token).digest('base64url')}:${format}:342:4:M:000000:ffffff`
    const kept = await redis.get(key)
    const image = kept ?? (await draw(token, format))
    if (kept === null) void redis.set(key, image, { expiration: { type: 'EX', value: 86_400 } })
    send(response, format, key, image, kept !== null)
  })
  app.listen(Number(PORT), '127.0.0.1', () => process.send?.('ready'))
}

async function draw(token: string, format: 'svg' | 'png'): Promise<Buffer> {
  const style = { errorCorrectionLevel: 'M', margin: 4, width: 342 } as const
  return format === 'svg' ? Buffer.from(await toSvg(token, { ...style, type: 'svg' })) : toBuffer(token, style)
}

function send(response: Response, format: 'svg' | 'png', key: string, image: Buffer, cached: boolean): void {
  response.set({
    'Content-Type': format === 'svg' ? 'image/svg+xml' : 'image/png',
    'Cache-Control': 'private, no-cache',
    ETag: `"${key.slice(3, 19)}"`,
    'X-Cache': cached ? 'HIT' : 'MISS',
  })
  response.end(image)
}
