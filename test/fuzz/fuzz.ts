import { parseArgs } from 'node:util'
import { startServer } from '../process/server.ts'
import { fuzz, type Run } from './requests.ts'
import { faultsNoted } from './verdicts.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '10000' },
    minutes: { type: 'string', default: 'Infinity' },
    'by-call': { type: 'boolean', default: false },
  },
})
const [seed, from, count] = [Number(values.seed), Number(values.from), Number(values.count)]
if (!(count > 0) || ![seed, from].every(Number.isInteger))
  throw new Error('--seed, --from and --count are whole numbers')

const startedAt = performance.now()
const server = await startServer({ inMemory: true })
let run: Run | null = null
try {
  const { url, stateDir } = server
  const until = Date.now() + Number(values.minutes) * 60_000
  await fuzz({ url, stateDir, seed, from, count, until, onProgress: show })
} finally {
  // However it ended, what was found until then is told.
  if (run !== null) tell(run)
  const noise = faultsNoted(server.output('stderr'))
  if (noise !== '') console.log(`The server had to say:\n${noise.slice(0, 5000)}`)
  await server.remove()
}

function show(now: Run): void {
  run = now
  if (process.stderr.isTTY) process.stderr.write(`\r${now.sent} of ${count} `)
}

function tell(run: Run): void {
  const { sent, byStatus, watched, faults, slow } = run
  const seconds = (performance.now() - startedAt) / 1000
  const statuses = Object.entries(byStatus).map(([status, times]) => `${times} × ${status}`)
  console.log(
    `${sent} requests (${statuses.join(', ')}), ${watched} of them watched for what they store, ` +
      `in ${Math.round(seconds)} s, ${Math.round(sent / seconds)} a second; ${faults.length} faults`,
  )
  tellHeard(run)
  for (const { no, call, what, request, answer } of faults) {
    const body = request.body === null ? '' : `\n${new TextDecoder().decode(request.body).slice(0, 2000)}`
    console.error(`\n${call} ${what}: ${answer?.status} ${answer?.text.slice(0, 1000)}`)
    console.error(`${request.method} ${request.path}\n${JSON.stringify(request.headers)}${body}\n${again(no)}`)
    process.exitCode = 1
  }
  for (const { no, call, ms } of slow) {
    console.error(`\n${call} takes ${ms} ms to be refused\n${again(no)}`)
    process.exitCode = 1
  }
}

/** How many came past the door, and of which call too few did for the run to say anything of it. */
function tellHeard({ sent, byCall }: Run): void {
  const calls = Object.entries(byCall)
    .map(([call, { sent, heard }]) => ({ call, sent, heard, share: heard / sent }))
    .sort((a, b) => a.share - b.share)
  const heard = calls.reduce((sum, one) => sum + one.heard, 0)
  const median = calls[Math.floor(calls.length / 2)]?.share ?? 0
  console.log(
    `${inPercent(heard / sent)} came past the door, to where what they bring is read; ` +
      `of half of the ${calls.length} calls at least ${inPercent(median)}`,
  )
  for (const { call, sent, heard, share } of values['by-call'] ? calls : calls.slice(0, 5)) {
    console.log(`${inPercent(share).padStart(5)}  ${call} (${heard} of ${sent})`)
  }
  const unheard = calls.filter((one) => one.heard === 0 && one.sent >= 200)
  for (const { call, sent } of unheard) {
    console.error(`${call} was made ${sent} times and never came past the door`)
    process.exitCode = 1
  }
}

function inPercent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function again(no: number): string {
  return `again with: npm run fuzz -- --seed ${seed} --from ${no} --count 1`
}
