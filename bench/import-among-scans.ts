import { nextCall } from './calls.ts'
import { openLoop, type Window } from './load.ts'
import type { Stage } from './stage.ts'

type Job = {
  id: string
  state: string
  total: number
  done: number
  failed: number
  outcome: Record<string, number>
  perSecond: number
}

/** The scans' latencies while the file was read and while its tickets were issued; `perSecond`: rows, once it was read. */
export type AmongScans = { uploading: number[]; issuing: number[]; uploadMs: number; perSecond: number }

export const SCANS_A_SECOND = 100

// What is due before the pacer's thread is up comes late, which says nothing of the server.
const WINDOW = { leadInMs: 200, windowMs: 800 }

/** Imports so many rows in one go while people scan, window upon window. `name` goes into each reference. */
export async function importAmongScans(stage: Stage, name: string, rows: number): Promise<AmongScans> {
  const startedAt = performance.now()
  let uploadMs = 0
  const uploaded = upload(stage, name, rows).then((job) => {
    uploadMs = performance.now() - startedAt
    return job
  })
  // It is waited for below, and fails there.
  uploaded.catch(() => {
    uploadMs = performance.now() - startedAt
  })
  const uploading: number[] = []
  while (uploadMs === 0) uploading.push(...(await scans(stage, WINDOW)))
  const { id } = await uploaded
  const windows: number[][] = []
  for (;;) {
    const { data } = await stage.api.get<{ data: { job: Job } }>(`/api/events/${stage.eventId}/jobs/${id}`)
    const { job } = data
    if (job.state === 'done' || job.state === 'failed') {
      if (job.state === 'failed' || job.done !== rows || job.outcome.created !== rows)
        throw new Error(`the import of ${rows} rows ended as ${JSON.stringify(job)}`)
      // The last window saw the end of it, and some quiet after that.
      const issuing = (windows.length > 1 ? windows.slice(0, -1) : windows).flat()
      return { uploading, issuing, uploadMs, perSecond: job.perSecond }
    }
    windows.push(await scans(stage, WINDOW))
  }
}

/** First scans at a steady rate; gives what each took. */
export async function scans(stage: Stage, window: Window): Promise<number[]> {
  return (await openLoop(stage.port, SCANS_A_SECOND, () => nextCall(stage, 'first'), window)).latencies
}

async function upload({ api, eventId }: Stage, name: string, rows: number): Promise<Job> {
  const lines = Array.from(
    { length: rows },
    (_, i) => `${name}-${i},standard,"Lovelace, Ada ${i}",ada${i}@example.com,${name}-B-${i >> 1},yes,Row ${i % 40}`,
  )
  const csv = `reference,type,name,email,booking id,paid,note\n${lines.join('\n')}\n`
  const { data } = await api.upload<{ data: { job: Job } }>(
    `/api/events/${eventId}/imports`,
    new TextEncoder().encode(csv),
  )
  return data.job
}
