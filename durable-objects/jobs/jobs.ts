import { bytesToUuid, type JobId, uuidToBytes } from '../../core/ids.ts'
import type { ChunkResult, Job, JobKind, JobState, RowError } from '../../core/job.ts'
import { WHOLE_FILE } from '../../core/job.ts'

/** A job that is to be: what it is and what is told of it. The id is made by the caller, who may ask twice. */
export type NewJob = Pick<Job, 'id' | 'kind' | 'outcome' | 'about'>

/** A piece of a job that is done in one go. */
export type NewChunk = { items: number; payload: unknown }

export type Chunk = { no: number; items: number; tries: number; payload: unknown }

/** What is added to a job while it is being put together: chunks to do, and what is settled already. */
export type Part = { chunks: NewChunk[]; settled: ChunkResult }

/** `collecting` while it is put together: nothing of it is done yet. `gone`: nobody sees it any more. */
type Stage = 'collecting' | 'gone' | JobState

type JobRow = {
  id: ArrayBuffer
  kind: JobKind
  stage: Stage
  parts: number
  chunks: number
  total: number
  done: number
  failed: number
  outcome: string
  about: string
  stalls: number
  created_at: number
  moved_at: number
  started_at: number | null
  finished_at: number | null
}

/** A chunk that came to nothing so often is given up. */
const MAX_TRIES = 5

/** A job that has not moved for so long is looked after; each time in vain doubles it. */
const STALL_MS = 10_000
const MAX_STALL_MS = 300_000
const MAX_STALLS = 12

/** Whoever puts a job together has so long for each part of it. */
const COLLECTING_MS = 120_000

/** Finished jobs are kept so long. */
const KEEP_MS = 30 * 86_400_000

/** What a job leaves behind is cleared in helpings, so that no scan waits for it. */
const CLEAR_ROWS = 200
const CLEAR_AGAIN_MS = 100

/** The jobs of one event, over their tables. The caller holds the transaction. */
export class Jobs {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  get(id: JobId): Job | null {
    const row = this.#row(id)
    return row && row.stage !== 'gone' ? toJob(row) : null
  }

  /** The newest first, after `cursor`. */
  list(limit: number, cursor: JobId | null): Job[] {
    return this.#sql
      .exec<JobRow>(
        `SELECT * FROM job WHERE (?1 IS NULL OR id < ?1) AND stage <> 'gone' ORDER BY id DESC LIMIT ?2`,
        cursor === null ? null : uuidToBytes(cursor),
        limit,
      )
      .toArray()
      .map(toJob)
  }

  /** Up to `limit` of what failed, in the order of the rows, after the one that is named. */
  errors(id: JobId, after: Pick<RowError, 'row' | 'field'> | null, limit: number): RowError[] {
    const { row, field } = after ?? { row: -1, field: '' }
    return this.#sql
      .exec<RowError>(
        `SELECT row, field, message FROM job_error WHERE job = ? AND (row, field) > (?, ?)
         ORDER BY row, field LIMIT ?`,
        uuidToBytes(id),
        row,
        field,
        limit,
      )
      .toArray()
  }

  /** Begins to put a job together. The same again changes nothing. */
  open({ id, kind, outcome, about }: NewJob, at: number): void {
    this.#sql.exec(
      `INSERT OR IGNORE INTO job (id, kind, stage, parts, chunks, total, done, failed, outcome, about, stalls, created_at,
       moved_at) VALUES (?, ?, 'collecting', 0, 0, 0, 0, 0, ?, ?, 0, ?, ?)`,
      uuidToBytes(id),
      kind,
      JSON.stringify(outcome),
      JSON.stringify(about),
      at,
      at,
    )
  }

  /**
   * Adds the next part, counted from 0. One that is there already is left as it is. Gives whether the job can still be
   * added to: one that nobody added to for too long was given up.
   */
  add(id: JobId, no: number, { chunks, settled }: Part, at: number): boolean {
    const row = this.#row(id)
    if (row?.stage !== 'collecting') return false
    if (no < row.parts) return true
    const first = row.chunks
    for (const [i, chunk] of chunks.entries()) this.#addChunk(id, first + i, chunk)
    const waiting = chunks.reduce((sum, { items }) => sum + items, 0)
    this.#sql.exec(
      'UPDATE job SET parts = ?, chunks = ?, total = total + ?, moved_at = ? WHERE id = ?',
      no + 1,
      first + chunks.length,
      waiting + settled.done + settled.failed,
      at,
      uuidToBytes(id),
    )
    this.#count(id, settled)
    return true
  }

  /** Ends the putting together: what is there is to be done now. Nothing to do is done at once. */
  queue(id: JobId, about: Record<string, unknown>, at: number): void {
    this.#sql.exec(
      `UPDATE job SET stage = 'queued', about = ?, moved_at = ? WHERE id = ? AND stage = 'collecting'`,
      JSON.stringify(about),
      at,
      uuidToBytes(id),
    )
    this.#finishWhereDone(id, at)
  }

  /** Ends a job that cannot go on, for a reason that whoever wanted it can read. What is left of it is not done. */
  fail(id: JobId, message: string, at: number): void {
    const row = this.#row(id)
    if (!row || row.stage === 'done' || row.stage === 'failed' || row.stage === 'gone') return
    this.#sql.exec(
      `UPDATE job SET stage = 'failed', failed = total - done, finished_at = ?, moved_at = ? WHERE id = ?`,
      at,
      at,
      uuidToBytes(id),
    )
    this.#note(id, [{ row: WHOLE_FILE, field: 'job', message }])
  }

  /** Takes a job away as if it had never been. What it held is cleared away when it is next looked after. */
  remove(id: JobId): void {
    this.#sql.exec("UPDATE job SET stage = 'gone', moved_at = 0 WHERE id = ?", uuidToBytes(id))
  }

  /** A chunk that is still to be done; null where it was done, or the job is over. */
  chunk(id: JobId, no: number): Chunk | null {
    const stage = this.#row(id)?.stage
    if (stage !== 'queued' && stage !== 'running') return null
    const row = this.#sql
      .exec<{ no: number; items: number; tries: number; payload: string }>(
        'SELECT no, items, tries, payload FROM job_chunk WHERE job = ? AND no = ?',
        uuidToBytes(id),
        no,
      )
      .toArray()[0]
    return row ? { ...row, payload: JSON.parse(row.payload) } : null
  }

  /** Adds a chunk to a job that is running: how a job goes on whose length is not known beforehand. */
  append(id: JobId, chunk: NewChunk): void {
    const row = this.#row(id)
    if (!row) return
    this.#addChunk(id, row.chunks, chunk)
    this.#sql.exec('UPDATE job SET chunks = chunks + 1 WHERE id = ?', uuidToBytes(id))
  }

  /** Counts what came of a chunk and takes it away, once. Ends the job where it was the last. */
  settle(id: JobId, no: number, result: ChunkResult, at: number): void {
    const { rowsWritten } = this.#sql.exec('DELETE FROM job_chunk WHERE job = ? AND no = ?', uuidToBytes(id), no)
    if (rowsWritten === 0) return
    this.#sql.exec(
      `UPDATE job SET stage = 'running', started_at = ifnull(started_at, ?1), moved_at = ?1, stalls = 0
       WHERE id = ?2 AND stage IN ('queued', 'running')`,
      at,
      uuidToBytes(id),
    )
    this.#count(id, result)
    this.#finishWhereDone(id, at)
  }

  /** Notes that work on a job has begun. */
  start(id: JobId, at: number): void {
    this.#sql.exec(
      "UPDATE job SET stage = 'running', started_at = ?1, moved_at = ?1 WHERE id = ?2 AND stage = 'queued'",
      at,
      uuidToBytes(id),
    )
  }

  /** Notes one more try of a chunk and gives true; one tried too often is given up instead, all of its items failed. */
  tryAgain(id: JobId, no: number, at: number): boolean {
    const chunk = this.chunk(id, no)
    if (!chunk) return false
    if (chunk.tries < MAX_TRIES) {
      this.#sql.exec('UPDATE job_chunk SET tries = tries + 1 WHERE job = ? AND no = ?', uuidToBytes(id), no)
      return true
    }
    const errors = rowsOf(chunk).map((row) => ({ row, field: 'row', message: 'could not be dealt with: try it again' }))
    this.settle(id, no, { done: 0, failed: chunk.items, outcome: {}, errors }, at)
    return false
  }

  isAnyUnfinished(): boolean {
    return (
      this.#sql.exec("SELECT 1 FROM job WHERE stage NOT IN ('done', 'failed', 'gone') LIMIT 1").toArray().length > 0
    )
  }

  /** The first chunk after this one that is still to be done, of those that are done one after the other. */
  next(id: JobId, no: number, lanes: number): number | null {
    return this.#firstOf(id, no + 1, no % lanes, lanes)
  }

  /** The first chunk of each lane. */
  firsts(id: JobId, lanes: number): number[] {
    return [...Array(lanes).keys()].map((lane) => this.#firstOf(id, 0, lane, lanes)).filter((no) => no !== null)
  }

  /**
   * Looks after jobs that stand still, and clears away old ones. Gives those that need a push, and when to look
   * again; null where there is nothing to look after.
   */
  tend(at: number): { stalled: Job[]; nextAt: number | null } {
    const stalled: Job[] = []
    for (const row of this.#rows()) {
      if (dueAt(row) > at) continue
      const id = bytesToUuid<JobId>(new Uint8Array(row.id))
      switch (row.stage) {
        case 'collecting':
          this.fail(id, 'was broken off before all of it had arrived; nothing of it was done', at)
          break
        case 'queued':
        case 'running':
          if (row.stalls >= MAX_STALLS) this.fail(id, 'did not go on any more and was given up', at)
          else stalled.push(toJob(row))
          this.#sql.exec('UPDATE job SET stalls = stalls + 1, moved_at = ? WHERE id = ?', at, row.id)
          break
        case 'done':
        case 'failed':
          this.remove(id)
          break
        case 'gone':
          break
      }
    }
    const isMore = this.#rows().some((row) => this.#clear(row))
    const due = this.#rows().map(dueAt)
    if (isMore) due.push(at + CLEAR_AGAIN_MS)
    return { stalled, nextAt: due.length === 0 ? null : Math.min(...due) }
  }

  /** Clears a helping of what nobody needs any more; gives whether there may be more of it. */
  #clear({ id, stage }: JobRow): boolean {
    if (stage !== 'failed' && stage !== 'gone') return false
    const of = (table: string, key: string) =>
      `DELETE FROM ${table} WHERE (job, ${key}) IN (SELECT job, ${key} FROM ${table} WHERE job = ? LIMIT ?)`
    if (this.#sql.exec(of('job_chunk', 'no'), id, CLEAR_ROWS).rowsWritten > 0) return true
    if (stage === 'failed') return false
    if (this.#sql.exec(of('job_error', 'row'), id, CLEAR_ROWS).rowsWritten > 0) return true
    this.#sql.exec('DELETE FROM job WHERE id = ?', id)
    return false
  }

  #rows(): JobRow[] {
    return this.#sql.exec<JobRow>('SELECT * FROM job').toArray()
  }

  #row(id: JobId): JobRow | null {
    return this.#sql.exec<JobRow>('SELECT * FROM job WHERE id = ?', uuidToBytes(id)).toArray()[0] ?? null
  }

  #addChunk(id: JobId, no: number, { items, payload }: NewChunk): void {
    this.#sql.exec(
      'INSERT INTO job_chunk (job, no, items, tries, payload) VALUES (?, ?, ?, 0, ?)',
      uuidToBytes(id),
      no,
      items,
      JSON.stringify(payload),
    )
  }

  #firstOf(id: JobId, from: number, lane: number, lanes: number): number | null {
    const { no } = this.#sql
      .exec<{ no: number | null }>(
        'SELECT min(no) AS no FROM job_chunk WHERE job = ? AND no >= ? AND no % ? = ?',
        uuidToBytes(id),
        from,
        lanes,
        lane,
      )
      .one()
    return no
  }

  #count(id: JobId, { done, failed, outcome, errors }: ChunkResult): void {
    const row = this.#row(id)
    if (!row) return
    const sum: Record<string, number> = JSON.parse(row.outcome)
    for (const [name, count] of Object.entries(outcome)) sum[name] = (sum[name] ?? 0) + count
    this.#sql.exec(
      'UPDATE job SET done = done + ?, failed = failed + ?, outcome = ? WHERE id = ?',
      done,
      failed,
      JSON.stringify(sum),
      uuidToBytes(id),
    )
    this.#note(id, errors)
  }

  #note(id: JobId, errors: RowError[]): void {
    for (const { row, field, message } of errors) {
      this.#sql.exec(
        'INSERT OR IGNORE INTO job_error (job, row, field, message) VALUES (?, ?, ?, ?)',
        uuidToBytes(id),
        row,
        field,
        message,
      )
    }
  }

  #finishWhereDone(id: JobId, at: number): void {
    this.#sql.exec(
      `UPDATE job SET stage = 'done', started_at = ifnull(started_at, ?1), finished_at = ?1, moved_at = ?1
       WHERE id = ?2 AND stage IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM job_chunk WHERE job = ?2)`,
      at,
      uuidToBytes(id),
    )
  }
}

function toJob(row: JobRow): Job {
  return {
    id: bytesToUuid<JobId>(new Uint8Array(row.id)),
    kind: row.kind,
    state: stateOf(row.stage),
    total: row.total,
    done: row.done,
    failed: row.failed,
    outcome: JSON.parse(row.outcome),
    about: JSON.parse(row.about),
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }
}

function stateOf(stage: Stage): JobState {
  if (stage === 'gone') throw new Error('a job that is gone is not shown')
  return stage === 'collecting' ? 'queued' : stage
}

/** When somebody should look after a job, unless it moves before. */
function dueAt({ stage, moved_at, stalls }: JobRow): number {
  switch (stage) {
    case 'collecting':
      return moved_at + COLLECTING_MS
    case 'queued':
    case 'running':
      return moved_at + Math.min(STALL_MS * 2 ** stalls, MAX_STALL_MS)
    case 'done':
    case 'failed':
      return moved_at + KEEP_MS
    case 'gone':
      return Number.POSITIVE_INFINITY
  }
}

/** The rows that a chunk is about, where it says so; otherwise the chunk stands for them. */
function rowsOf({ no, payload }: Chunk): number[] {
  const rows = Array.isArray(payload) ? payload.map((item) => item?.row).filter((row) => typeof row === 'number') : []
  return rows.length > 0 ? rows : [no + 1]
}
