import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { importFields } from '../../../core/import-columns.ts'
import { call, get, type Problem, withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import type { Job, List } from '../manage/things.ts'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Failed, sayProblem } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { complain } from '../parts/toast.tsx'
import { moment, number } from '../words/language.ts'

type Preview = { row: number; created: boolean } & Record<string, unknown>
type DryRun = { job: Job; preview?: Preview[] }
type Columns = Record<string, string | null>

type Stage =
  | { kind: 'choosing'; problem: Problem | null }
  | { kind: 'reading'; file: File }
  | { kind: 'read'; file: File; run: DryRun; columns: Columns; problem: Problem | null }
  | { kind: 'started'; jobId: string }

/** A CSV file becomes tickets: looked at first, then issued. */
export default function ImportScreen() {
  const { event, path } = useEvent()
  const stage = useSignal<Stage>({ kind: 'choosing', problem: null })
  const look = async (file: File, columns: Columns, before: DryRun | null) => {
    stage.value = { kind: 'reading', file }
    const answer = await send<DryRun>(path, file, { dryRun: true, ...said(columns) })
    if (answer.ok) stage.value = { kind: 'read', file, run: answer.value, columns, problem: null }
    else if (before) stage.value = { kind: 'read', file, run: before, columns, problem: answer.problem }
    else stage.value = { kind: 'choosing', problem: answer.problem }
  }
  const start = async (file: File, columns: Columns) => {
    const now = stage.peek()
    stage.value = { kind: 'reading', file }
    const answer = await send<{ job: Job }>(path, file, said(columns))
    if (answer.ok) {
      stage.value = { kind: 'started', jobId: answer.value.job.id }
      return
    }
    complain(answer.problem)
    stage.value = now
  }
  const now = stage.value
  return (
    <>
      <Heading title="Import tickets" of={event.title} />
      {now.kind === 'choosing' && <Choosing problem={now.problem} onFile={(file) => void look(file, {}, null)} />}
      {now.kind === 'reading' && (
        <p role="status" class="card">
          Reading {now.file.name} …
        </p>
      )}
      {now.kind === 'read' && (
        <Outcome
          stage={now}
          onColumns={(columns) => void look(now.file, columns, now.run)}
          onStart={() => void start(now.file, now.columns)}
          onOther={() => {
            stage.value = { kind: 'choosing', problem: null }
          }}
        />
      )}
      {now.kind === 'started' && (
        <JobProgress
          jobId={now.jobId}
          onOther={() => {
            stage.value = { kind: 'choosing', problem: null }
          }}
        />
      )}
      {now.kind === 'choosing' && <Earlier onOpen={(jobId) => (stage.value = { kind: 'started', jobId })} />}
    </>
  )
}

function said(columns: Columns) {
  return Object.keys(columns).length > 0 ? { columns: JSON.stringify(columns) } : {}
}

function send<T>(path: string, file: File, query: Record<string, string | boolean>) {
  // A file may take as long as the line takes for it.
  const signal = new AbortController().signal
  return call<T>('POST', withQuery(`${path}/imports`, query), undefined, {
    raw: { content: file, type: 'text/csv' },
    signal,
  })
}

function Choosing({ problem, onFile }: { problem: Problem | null; onFile: (file: File) => void }) {
  const isOver = useSignal(false)
  return (
    <>
      {problem && (
        <p class="form-problem" role="alert">
          {sayProblem(problem).title}. {problem.issues.map(({ message }) => message).join(' ') || problem.message}
        </p>
      )}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button in it does the same for who does not drag. */}
      <div
        class={isOver.value ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault()
          isOver.value = true
        }}
        onDragLeave={() => {
          isOver.value = false
        }}
        onDrop={(event) => {
          event.preventDefault()
          isOver.value = false
          const file = event.dataTransfer?.files[0]
          if (file) onFile(file)
        }}
      >
        <Icon name="import" big />
        <p>
          <strong>Drop a CSV file here</strong>, or
        </p>
        <label class="button primary">
          Choose a file
          <input
            type="file"
            class="visually-hidden"
            accept=".csv,.tsv,.txt,text/csv,text/plain"
            onChange={({ currentTarget }) => {
              const file = currentTarget.files?.[0]
              if (file) onFile(file)
            }}
          />
        </label>
        <p class="hint">
          Saved from any spreadsheet: commas or semicolons, up to 10 MB and 100,000 rows. Nothing is issued until you
          have seen what would be.
        </p>
      </div>
    </>
  )
}

type OutcomeProps = {
  stage: Extract<Stage, { kind: 'read' }>
  onColumns: (columns: Columns) => void
  onStart: () => void
  onOther: () => void
}

function Outcome({ stage, onColumns, onStart, onOther }: OutcomeProps) {
  const { file, run, columns, problem } = stage
  const { job, preview = [] } = run
  const created = job.outcome.created ?? 0
  return (
    <>
      <section class="card panel" aria-live="polite">
        <h2>{file.name}</h2>
        <p>This is what would happen. Nothing has been issued yet.</p>
        <Figures
          figures={[
            ['New tickets', created],
            ['Known already', job.outcome.existed ?? 0],
            ['Wrong rows', job.failed],
          ]}
        />
        <div class="actions">
          <button type="button" class="primary" disabled={created === 0} onClick={onStart}>
            Issue {number(created)} {created === 1 ? 'ticket' : 'tickets'}
          </button>
          <button type="button" class="plain" onClick={onOther}>
            Another file
          </button>
        </div>
        {job.failed > 0 && created > 0 && (
          <p class="notice">Wrong rows are left out; the others are issued. You can mend them and import again.</p>
        )}
      </section>
      <Mapping job={job} columns={columns} problem={problem} onColumns={onColumns} />
      {preview.length > 0 && <FirstRows preview={preview} />}
      <RowErrors job={job} />
    </>
  )
}

function Figures({ figures }: { figures: [string, number][] }) {
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{number(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

const fieldWords: Record<(typeof importFields)[number], string> = {
  reference: 'Reference',
  type: 'Ticket type',
  name: 'Holder',
  firstName: 'First name',
  lastName: 'Last name',
  email: 'E-mail',
  bookingId: 'Booking',
  bookingName: 'Name of the booking',
  bookingEmail: 'E-mail of the booking',
  quantity: 'Tickets in the booking',
  admits: 'People per ticket',
  validFrom: 'Valid from',
  validUntil: 'Valid until',
  paid: 'Paid',
  code: 'Barcode printed elsewhere',
  note: 'Note for the steward',
}

type MappingProps = {
  job: Job
  columns: Columns
  problem: Problem | null
  onColumns: (columns: Columns) => void
}

/** Which column is what: proposed from their headers, and changed here. */
function Mapping({ job, columns, problem, onColumns }: MappingProps) {
  const file = job.file
  if (!file) return null
  const headers = [...Object.entries(file.columns), ...file.ignored.map((header) => [header, ''] as const)]
  return (
    <section class="group">
      <h2>What each column is</h2>
      {problem && (
        <p class="form-problem" role="alert">
          {problem.issues.map(({ message }) => message).join(' ') || problem.message}
        </p>
      )}
      <Table
        stacks
        caption="What each column is"
        items={headers}
        keyOf={([header], index) => `${index} ${header}`}
        columns={[
          { title: 'Column of your file', cell: ([header]) => header || '(no header)' },
          {
            title: 'Is taken as',
            cell: ([header, field]) => (
              <select
                aria-label={`What the column ${header} is`}
                value={columns[header] === null ? '' : (columns[header] ?? field)}
                onChange={({ currentTarget }) => onColumns({ ...columns, [header]: currentTarget.value || null })}
              >
                <option value="">Left alone</option>
                {importFields.map((one) => (
                  <option key={one} value={one}>
                    {fieldWords[one]}
                  </option>
                ))}
              </select>
            ),
          },
        ]}
      />
      <p class="hint">
        Read as {file.encoding}, {delimiters[file.delimiter] ?? `“${file.delimiter}”`}, with its headers in line{' '}
        {file.headerLine}.
      </p>
    </section>
  )
}

const delimiters: Record<string, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars' }

function FirstRows({ preview }: { preview: Preview[] }) {
  return (
    <section class="group">
      <h2>The first rows</h2>
      <Table
        caption="The first rows as they would be issued"
        items={preview}
        keyOf={({ row }) => row}
        columns={[
          { title: 'Line', cell: ({ row }) => row },
          { title: 'Becomes', cell: ({ created }) => (created ? 'A new ticket' : 'Known already') },
          { title: 'Type', cell: ({ type }) => String(type ?? '–') },
          { title: 'Holder', cell: ({ holder }) => wordsOf(holder) },
          { title: 'Reference', cell: ({ reference }) => String(reference ?? '–') },
          { title: 'Booking', cell: ({ booking }) => wordsOf(booking) },
          { title: 'People', isNumber: true, cell: ({ admits }) => String(admits ?? 'as its type') },
          { title: 'Paid', cell: ({ paid }) => (paid === false ? 'No' : 'Yes') },
        ]}
      />
    </section>
  )
}

function wordsOf(parts: unknown): string {
  if (typeof parts !== 'object' || parts === null) return '–'
  return Object.values(parts).filter(Boolean).join(', ') || '–'
}

/** Each row that was set aside, with why. */
function RowErrors({ job }: { job: Job }) {
  const { path } = useEvent()
  if (job.errors.length === 0) return null
  return (
    <section class="group">
      <h2>Wrong rows</h2>
      <Table
        stacks
        caption="Wrong rows"
        items={job.errors}
        keyOf={({ row, field }, index) => `${row} ${field} ${index}`}
        columns={[
          { title: 'Line', cell: ({ row }) => (row === 0 ? 'The file' : row) },
          { title: 'Field', cell: ({ field }) => fieldWords[field as keyof typeof fieldWords] ?? field },
          { title: 'Reason', cell: ({ message }) => message },
        ]}
      />
      {job.errors.length < job.failed && (
        <p class="hint">The first {job.errors.length} are shown; the download has all of them.</p>
      )}
      <a class="button" href={`${path}/jobs/${job.id}/errors.csv`} download>
        Download all wrong rows
      </a>
    </section>
  )
}

function JobProgress({ jobId, onOther }: { jobId: string; onOther: () => void }) {
  const { path, home } = useEvent()
  const job = useSignal<Job | null>(null)
  const problem = useSignal<Problem | null>(null)
  useEffect(() => {
    let isOpen = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async () => {
      const answer = await get<{ job: Job }>(`${path}/jobs/${jobId}`)
      if (!isOpen) return
      if (answer.ok) job.value = answer.value.job
      problem.value = answer.ok ? null : answer.problem
      const isOver = answer.ok && (answer.value.job.state === 'done' || answer.value.job.state === 'failed')
      if (!isOver) timer = setTimeout(() => void look(), 500)
    }
    void look()
    return () => {
      isOpen = false
      clearTimeout(timer)
    }
  }, [jobId])
  const now = job.value
  if (!now) return problem.value ? <Failed problem={problem.value} /> : <p role="status">Asking …</p>
  const isOver = now.state === 'done' || now.state === 'failed'
  const settled = now.done + now.failed
  const left = now.perSecond > 0 ? Math.ceil((now.total - settled) / now.perSecond) : null
  return (
    <>
      <section class="card panel">
        <h2>{titleOf(now)}</h2>
        <progress aria-label="Rows done" max={Math.max(1, now.total)} value={settled} />
        <p>
          {number(settled)} of {number(now.total)} rows
          {now.perSecond > 0 && `, ${number(Math.round(now.perSecond))} a second`}
          {!isOver && left !== null && `, about ${number(left)} seconds left`}
        </p>
        <p class="visually-hidden" role="status">
          {isOver ? titleOf(now) : ''}
        </p>
        <Figures
          figures={[
            ['New tickets', now.outcome.created ?? 0],
            ['Known already', now.outcome.existed ?? 0],
            ['Wrong rows', now.failed],
          ]}
        />
        {!isOver && <p class="hint">You may leave this page: the import goes on by itself, and scanning does too.</p>}
        <div class="actions">
          <Link to={`${home}/tickets`} class="button primary">
            To the tickets
          </Link>
          {isOver && (
            <button type="button" onClick={onOther}>
              Import another file
            </button>
          )}
        </div>
      </section>
      <RowErrors job={now} />
    </>
  )
}

function titleOf({ state, failed, kind }: Job): string {
  const what = kind === 'import' ? 'Import' : 'Drawing of images'
  switch (state) {
    case 'queued':
      return `${what} waits for its turn`
    case 'running':
      return `${what} is running`
    case 'done':
      return failed > 0 ? `${what} is done, with ${number(failed)} wrong rows` : `${what} is done`
    case 'failed':
      return `${what} failed`
  }
}

function Earlier({ onOpen }: { onOpen: (jobId: string) => void }) {
  const { path, event } = useEvent()
  const jobs = useGet<List<Job>>(`${path}/jobs?limit=10`)
  const shown = (jobs.value?.items ?? []).filter(({ kind, dryRun }) => kind === 'import' && !dryRun)
  if (shown.length === 0) return null
  return (
    <section class="group">
      <h2>Earlier imports</h2>
      <Table
        stacks
        caption="Earlier imports"
        items={shown}
        keyOf={({ id }) => id}
        columns={[
          { title: 'When', cell: ({ createdAt }) => moment(createdAt, event.timezone) },
          { title: 'State', cell: titleOf },
          { title: 'New', isNumber: true, cell: ({ outcome }) => number(outcome.created ?? 0) },
          { title: 'Wrong', isNumber: true, cell: ({ failed }) => number(failed) },
          {
            title: 'More',
            cell: ({ id }) => (
              <button type="button" onClick={() => onOpen(id)}>
                Show
              </button>
            ),
          },
        ]}
      />
    </section>
  )
}
