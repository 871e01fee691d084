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
import { moment, number, words } from '../words/language.ts'

const t = words.value.importing

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
      <Heading title={t.importTickets} of={event.title} />
      {now.kind === 'choosing' && <Choosing problem={now.problem} onFile={(file) => void look(file, {}, null)} />}
      {now.kind === 'reading' && (
        <p role="status" class="card">
          {t.reading}
          {now.file.name} …
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
          <strong>{t.dropACsvFile}</strong>
          {t.or}
        </p>
        <label class="button primary">
          {t.chooseAFile}
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
        <p class="hint">{t.savedFromAnySpreadsheet}</p>
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
        <p>{t.thisIsWhatWould}</p>
        <Figures
          figures={[
            [t.newTickets, created],
            [t.knownAlready, job.outcome.existed ?? 0],
            [t.wrongRows, job.failed],
          ]}
        />
        <div class="actions">
          <button type="button" class="primary" disabled={created === 0} onClick={onStart}>
            {t.issue}
            {number(created)} {created === 1 ? 'ticket' : 'tickets'}
          </button>
          <button type="button" class="plain" onClick={onOther}>
            {t.anotherFile}
          </button>
        </div>
        {job.failed > 0 && created > 0 && <p class="notice">{t.wrongRowsAreLeft}</p>}
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
  reference: t.reference,
  type: 'Ticket type',
  name: 'Holder',
  firstName: t.firstName,
  lastName: t.lastName,
  email: t.eMail,
  bookingId: t.booking,
  bookingName: t.nameOfTheBooking,
  bookingEmail: t.eMailOfThe,
  quantity: t.ticketsInTheBooking,
  admits: t.peoplePerTicket,
  validFrom: t.validFrom,
  validUntil: t.validUntil,
  paid: t.paid,
  code: t.barcodePrintedElsewhere,
  note: t.noteForTheSteward,
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
      <h2>{t.whatEachColumnIs}</h2>
      {problem && (
        <p class="form-problem" role="alert">
          {problem.issues.map(({ message }) => message).join(' ') || problem.message}
        </p>
      )}
      <Table
        stacks
        caption={t.whatEachColumnIs}
        items={headers}
        keyOf={([header], index) => `${index} ${header}`}
        columns={[
          { title: t.columnOfYourFile, cell: ([header]) => header || t.noHeader },
          {
            title: t.isTakenAs,
            cell: ([header, field]) => (
              <select
                aria-label={t.whatTheColumnIs(header)}
                value={columns[header] === null ? '' : (columns[header] ?? field)}
                onChange={({ currentTarget }) => onColumns({ ...columns, [header]: currentTarget.value || null })}
              >
                <option value="">{t.leftAlone}</option>
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
        {t.readAs}
        {file.encoding}, {delimiters[file.delimiter] ?? `“${file.delimiter}”`}
        {t.withItsHeadersIn} {file.headerLine}.
      </p>
    </section>
  )
}

const delimiters: Record<string, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars' }

function FirstRows({ preview }: { preview: Preview[] }) {
  return (
    <section class="group">
      <h2>{t.theFirstRows}</h2>
      <Table
        caption={t.theFirstRowsAs}
        items={preview}
        keyOf={({ row }) => row}
        columns={[
          { title: t.line, cell: ({ row }) => row },
          { title: t.becomes, cell: ({ created }) => (created ? t.aNewTicket : t.knownAlready) },
          { title: t.type, cell: ({ type }) => String(type ?? '–') },
          { title: t.holder, cell: ({ holder }) => wordsOf(holder) },
          { title: t.reference, cell: ({ reference }) => String(reference ?? '–') },
          { title: t.booking, cell: ({ booking }) => wordsOf(booking) },
          { title: t.people, isNumber: true, cell: ({ admits }) => String(admits ?? t.asItsType) },
          { title: t.paid, cell: ({ paid }) => (paid === false ? t.no : t.yes) },
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
      <h2>{t.wrongRows}</h2>
      <Table
        stacks
        caption={t.wrongRows}
        items={job.errors}
        keyOf={({ row, field }, index) => `${row} ${field} ${index}`}
        columns={[
          { title: t.line, cell: ({ row }) => (row === 0 ? t.theFile : row) },
          { title: t.field, cell: ({ field }) => fieldWords[field as keyof typeof fieldWords] ?? field },
          { title: t.reason, cell: ({ message }) => message },
        ]}
      />
      {job.errors.length < job.failed && (
        <p class="hint">
          {t.theFirst}
          {job.errors.length}
          {t.areShownTheDownload}
        </p>
      )}
      <a class="button" href={`${path}/jobs/${job.id}/errors.csv`} download>
        {t.downloadAllWrongRows}
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
  if (!now) return problem.value ? <Failed problem={problem.value} /> : <p role="status">{t.asking}</p>
  const isOver = now.state === 'done' || now.state === 'failed'
  const settled = now.done + now.failed
  const left = now.perSecond > 0 ? Math.ceil((now.total - settled) / now.perSecond) : null
  return (
    <>
      <section class="card panel">
        <h2>{titleOf(now)}</h2>
        <progress aria-label={t.rowsDone} max={Math.max(1, now.total)} value={settled} />
        <p>
          {number(settled)}
          {t.of}
          {number(now.total)}
          {t.rows}
          {now.perSecond > 0 && t.aSecond(number(Math.round(now.perSecond)))}
          {!isOver && left !== null && t.aboutSecondsLeft(number(left))}
        </p>
        <p class="visually-hidden" role="status">
          {isOver ? titleOf(now) : ''}
        </p>
        <Figures
          figures={[
            [t.newTickets, now.outcome.created ?? 0],
            [t.knownAlready, now.outcome.existed ?? 0],
            [t.wrongRows, now.failed],
          ]}
        />
        {!isOver && <p class="hint">{t.youMayLeaveThis}</p>}
        <div class="actions">
          <Link to={`${home}/tickets`} class="button primary">
            {t.toTheTickets}
          </Link>
          {isOver && (
            <button type="button" onClick={onOther}>
              {t.importAnotherFile}
            </button>
          )}
        </div>
      </section>
      <RowErrors job={now} />
    </>
  )
}

function titleOf({ state, failed, kind }: Job): string {
  const what = kind === 'import' ? t.import : t.drawingOfImages
  switch (state) {
    case 'queued':
      return t.waitsForItsTurn(what)
    case 'running':
      return t.isRunning(what)
    case 'done':
      return failed > 0 ? t.isDoneWithWrong(what, number(failed)) : t.isDone(what)
    case 'failed':
      return t.failedThis(what)
  }
}

function Earlier({ onOpen }: { onOpen: (jobId: string) => void }) {
  const { path, event } = useEvent()
  const jobs = useGet<List<Job>>(`${path}/jobs?limit=10`)
  const shown = (jobs.value?.items ?? []).filter(({ kind, dryRun }) => kind === 'import' && !dryRun)
  if (shown.length === 0) return null
  return (
    <section class="group">
      <h2>{t.earlierImports}</h2>
      <Table
        stacks
        caption={t.earlierImports}
        items={shown}
        keyOf={({ id }) => id}
        columns={[
          { title: t.when, cell: ({ createdAt }) => moment(createdAt, event.timezone) },
          { title: t.state, cell: titleOf },
          { title: t.new, isNumber: true, cell: ({ outcome }) => number(outcome.created ?? 0) },
          { title: t.wrong, isNumber: true, cell: ({ failed }) => number(failed) },
          {
            title: t.more,
            cell: ({ id }) => (
              <button type="button" onClick={() => onOpen(id)}>
                {t.show}
              </button>
            ),
          },
        ]}
      />
    </section>
  )
}
