import { readFile } from 'node:fs/promises'
import type { Api } from './api.ts'
import { Failure, whyNot } from './failure.ts'
import type { Job } from './follow-job.ts'

/** How the server understood a file. */
export type ImportedFile = {
  encoding: string
  delimiter: string
  headerLine: number
  columns: Record<string, string>
  ignored: string[]
}

/** What a dry run shows of a row: the ticket as it would be issued, as far as the command prints it. */
export type PreviewRow = {
  row: number
  created: boolean
  type: string
  reference?: string
  holder?: { name?: string; email?: string }
}

export type ImportStart = { job: Job & { dryRun: boolean; file: ImportedFile }; preview?: PreviewRow[] }

type Options = { dryRun?: boolean; columns?: string | undefined }

/** Sends a CSV file; gives the job that it became. The server reads it: here it is bytes. */
export async function startImport(
  api: Api,
  eventId: string,
  csv: Uint8Array<ArrayBuffer>,
  { dryRun = false, columns }: Options = {},
): Promise<ImportStart> {
  const query = new URLSearchParams({ dryRun: String(dryRun), ...(columns === undefined ? {} : { columns }) })
  const path = `/api/events/${encodeURIComponent(eventId)}/imports?${query}`
  return (await api.upload<{ data: ImportStart }>(path, csv)).data
}

export async function readFileOrFail(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new Failure(`Cannot read ${file}: ${whyNot(error)}.`)
  }
}
