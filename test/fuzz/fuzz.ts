import { parseArgs } from 'node:util'
import { startServer } from '../process/server.ts'
import { fuzz, type Run } from './requests.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '10000' },
    minutes: { type: 'string', default: 'Infinity' },
  },
})
const [seed, from, count] = [Number(values.seed), Number(values.from), Number(values.count)]
if (!(count > 0) || ![seed, from].every(Number.isInteger))
  throw new Error('--seed, --from and --count are whole numbers')

const startedAt = performance.now()
const server = await startServer()
try {
  const { url, stateDir } = server
  const until = Date.now() + Number(values.minutes) * 60_000
  const run = await fuzz({ url, stateDir, seed, from, count, until, onProgress: show })
  if (process.stderr.isTTY) process.stderr.write('\r')
  tell(run)
  const noise = server.output('stderr').trim()
  if (noise !== '') console.log(`The server had to say:\n${noise.slice(0, 5000)}`)
} finally {
  await server.remove()
}

function show({ sent }: Run): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${sent} of ${count}`)
}

function tell({ sent, byStatus, watched, faults }: Run): void {
  const seconds = (performance.now() - startedAt) / 1000
  const statuses = Object.entries(byStatus).map(([status, times]) => `${times} × ${status}`)
  console.log(
    `${sent} requests (${statuses.join(', ')}), ${watched} of them watched for what they store, ` +
      `in ${Math.round(seconds)} s, ${Math.round(sent / seconds)} a second; ${faults.length} faults`,
  )
  for (const { no, call, what, request, answer } of faults) {
    const body = request.body === null ? '' : `\n${new TextDecoder().decode(request.body).slice(0, 2000)}`
    console.error(`\n${call} ${what}: ${answer?.status} ${answer?.text.slice(0, 1000)}`)
    console.error(`${request.method} ${request.path}\n${JSON.stringify(request.headers)}${body}`)
    console.error(`again with: npm run fuzz -- --seed ${seed} --from ${no} --count 1`)
    process.exitCode = 1
  }
}
