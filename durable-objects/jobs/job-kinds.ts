import type { ChunkResult, Job, JobKind } from '../../core/job.ts'
import type { EventParts } from '../event-parts.ts'
import { issueChunk } from './importing.ts'
import type { Chunk } from './jobs.ts'
import { warmChunk } from './warming.ts'

/** What the Gatekeeper does of a chunk: all of it, or only say what the Worker is to do, which then reports back. */
export type GatekeeperWork = { by: 'gatekeeper'; result: ChunkResult } | { by: 'worker'; work: unknown }

/** A kind of job as the Gatekeeper sees it. */
type Kind = {
  /** How many chunks of a job are done at the same time, each by a message of its own. */
  lanes: number
  /** Does a chunk, in one transaction. It must be short: a scan may have to wait for it. */
  run: (parts: EventParts, job: Job, chunk: Chunk, at: number) => GatekeeperWork
  /** What follows from a job's end. */
  whenDone?: (parts: EventParts, job: Job, at: number) => void
}

export const kinds: Record<JobKind, Kind> = {
  import: { lanes: 1, run: issueChunk, whenDone: warmWhatIsNew },
  warm: { lanes: 1, run: warmChunk },
}

function warmWhatIsNew({ warming }: EventParts, { outcome }: Job, at: number): void {
  if ((outcome.created ?? 0) > 0) warming.afterImport(at)
}
