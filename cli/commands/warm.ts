import { command, eventIdArg, jsonArg } from '../command.ts'
import { apiOf, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes } from '../failure.ts'
import { followJob, type Job } from '../follow-job.ts'
import { say } from '../output.ts'

export const warm = command({
  name: 'warm',
  description: 'Draws the QR images of all valid tickets before they are asked for',
  args: {
    ...eventIdArg,
    png: { type: 'boolean', description: 'Draw PNGs too, not only SVGs', default: false },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit warm 01a1fc37-f632-7fa5-821f-c5cf221a540e
  admit warm --png

  The images are kept for a day, or as long as QR_CACHE_SECONDS says. The server does the same by itself after an import
  and within the day before the event. npm run warm-cache is this command.

EXIT CODES
  0 all are drawn   1 some were not kept, or the server did not answer   2 wrong usage`,
  run: async ({ eventId: named, png, json, ...args }) => {
    const connection = findConnection({ ...args, event: named ?? args.event }, process.env)
    const { eventId } = connection
    const api = apiOf(connection)
    const formats = png ? ['svg', 'png'] : ['svg']
    const path = `/api/events/${encodeURIComponent(eventId)}/qr-cache/warm`
    const { data } = await api.post<{ data: { job: Job } }>(path, { formats })
    const job = await followJob(api, eventId, data.job, 'Warming')
    const failures = job.failed > 0 ? `, ${job.failed} not kept` : ''
    const isWell = job.state === 'done' && job.failed === 0
    say(json, { success: isWell, job }, `${job.done} codes drawn, ${Math.round(job.perSecond)} a second${failures}`)
    if (!isWell) process.exitCode = exitCodes.problem
  },
})
