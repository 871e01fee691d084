import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import type { Problem } from '../api.ts'
import { Field } from '../parts/field.tsx'
import { sayProblem } from '../parts/states.tsx'
import { instantAt } from '../times.ts'
import { words } from '../words/language.ts'

export type Value = string | boolean | string[]
export type Values = Record<string, Value>
type Option = { value: string; label: string; hint?: string }

/** One field of a form. `asked` is what the call calls it, where that is another word. */
export type FieldSpec = {
  name: string
  label: string
  hint?: string
  asked?: string
  isOptional?: boolean
} & (
  | { kind: 'text' | 'email' | 'number' | 'instant' | 'time' | 'long' | 'secret' }
  | { kind: 'check' }
  | { kind: 'select'; options: readonly Option[] }
  | { kind: 'several'; options: readonly Option[] }
  /** A heading between fields. */
  | { kind: 'heading' }
)

type Props = {
  fields: readonly FieldSpec[]
  initial: Values
  action: string
  isDangerous?: boolean
  /** Gives what was wrong, or null where it is done. */
  submit: (values: Values) => Promise<Problem | null>
  onCancel?: () => void
}

/** A form from a list of its fields. What the server finds wrong is said at the field that it names. */
export function Form({ fields, initial, action, isDangerous = false, submit, onCancel }: Props) {
  const values = useSignal(initial)
  const problem = useSignal<Problem | null>(null)
  const isWorking = useSignal(false)
  const send = async (event: Event) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    if (isWorking.peek()) return
    isWorking.value = true
    problem.value = await submit(values.peek())
    isWorking.value = false
    // After the fields have been marked.
    if (problem.peek()) setTimeout(() => form.querySelector<HTMLElement>('[aria-invalid], [role=alert]')?.focus())
  }
  const rest = problem.value && unplaced(problem.value, fields)
  return (
    <form class="form" noValidate onSubmit={(event) => void send(event)}>
      {rest && (
        <p class="form-problem" role="alert" tabIndex={-1}>
          {rest}
        </p>
      )}
      {fields.map((field) => (
        <Input
          key={field.name}
          field={field}
          value={values.value[field.name] ?? ''}
          error={problem.value && errorOf(problem.value, field)}
          onChange={(value) => {
            values.value = { ...values.peek(), [field.name]: value }
          }}
        />
      ))}
      <div class="actions">
        <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isWorking.value}>
          {isWorking.value ? words.value.common.saving : action}
        </button>
        {onCancel && (
          <button type="button" class="plain" onClick={onCancel}>
            {words.value.common.cancel}
          </button>
        )}
      </div>
    </form>
  )
}

type InputProps = { field: FieldSpec; value: Value; error: string | null; onChange: (value: Value) => void }

function Input({ field, value, error, onChange }: InputProps) {
  if (field.kind === 'heading') {
    return (
      <div class="form-heading">
        <h2>{field.label}</h2>
        {field.hint && <p class="hint">{field.hint}</p>}
      </div>
    )
  }
  if (field.kind === 'check') return <Check field={field} value={value === true} error={error} onChange={onChange} />
  if (field.kind === 'several') return <Several field={field} value={value} error={error} onChange={onChange} />
  const text = typeof value === 'string' ? value : ''
  return (
    <Field label={field.label} hint={field.hint} error={error} isOptional={field.isOptional ?? false}>
      {(props) => {
        const common = { ...props, name: field.name, value: text }
        const onInput = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
        if (field.kind === 'select') {
          return (
            <select {...common} onChange={onInput}>
              {field.options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.hint ? `${option.label} – ${option.hint}` : option.label}
                </option>
              ))}
            </select>
          )
        }
        if (field.kind === 'long') return <textarea {...common} rows={3} onInput={onInput} />
        return <input {...common} {...inputOf[field.kind]} autocomplete="off" onInput={onInput} />
      }}
    </Field>
  )
}

const inputOf = {
  text: { type: 'text' },
  email: { type: 'email', spellcheck: false },
  number: { type: 'text', inputMode: 'decimal' },
  instant: { type: 'datetime-local' },
  time: { type: 'time' },
  secret: { type: 'password', spellcheck: false },
} as const

type CheckProps = Omit<InputProps, 'value'> & { value: boolean }

function Check({ field, value, error, onChange }: CheckProps) {
  const id = useId()
  const below = error ?? field.hint
  return (
    <div class="field">
      <label class="tick" for={id}>
        <input
          id={id}
          type="checkbox"
          name={field.name}
          checked={value}
          {...(below ? { 'aria-describedby': `${id}-below` } : {})}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        {field.label}
      </label>
      {below && (
        <p id={`${id}-below`} class={error ? 'field-error' : 'hint'}>
          {below}
        </p>
      )}
    </div>
  )
}

function Several({ field, value, error, onChange }: InputProps) {
  const id = useId()
  if (field.kind !== 'several') return null
  const chosen = Array.isArray(value) ? value : []
  return (
    <fieldset class="field several" {...(error || field.hint ? { 'aria-describedby': id } : {})}>
      <legend>{field.label}</legend>
      {(error || field.hint) && (
        <p id={id} class={error ? 'field-error' : 'hint'}>
          {error ? `${field.label} ${error}` : field.hint}
        </p>
      )}
      {field.options.map((option) => (
        <label key={option.value} class="tick">
          <input
            type="checkbox"
            checked={chosen.includes(option.value)}
            onChange={({ currentTarget }) =>
              onChange(currentTarget.checked ? [...chosen, option.value] : chosen.filter((one) => one !== option.value))
            }
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  )
}

function errorOf(problem: Problem, field: FieldSpec): string | null {
  return problem.issues.find((issue) => isAbout(issue.field, field))?.message ?? null
}

function isAbout(issued: string, field: FieldSpec): boolean {
  const asked = field.asked ?? field.name
  return field.kind !== 'heading' && (issued === asked || issued.startsWith(`${asked}.`))
}

/** What is wrong that no field of the form is to blame for. */
function unplaced(problem: Problem, fields: readonly FieldSpec[]): string | null {
  if (problem.issues.length === 0) {
    const { title, how } = sayProblem(problem)
    return how ? `${title}. ${how}` : title
  }
  const rest = problem.issues.filter((issue) => !fields.some((field) => isAbout(issue.field, field)))
  return rest.length === 0 ? null : rest.map(({ field, message }) => `${field} ${message}.`).join(' ')
}

/** Takes what was typed; gives the text, or null for none. */
export function textIn(values: Values, name: string): string | null {
  const value = values[name]
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

/** The same for a number. What is none goes to the server as it was typed, which then says so at its field. */
export function numberIn(values: Values, name: string): number | string | null {
  const text = textIn(values, name)
  if (text === null) return null
  return Number.isFinite(Number(text)) ? Number(text) : text
}

/** The same for a day and time on the event's clocks. */
export function instantIn(values: Values, name: string, timezone: string): string | null {
  const text = textIn(values, name)
  return text === null ? null : (instantAt(text, timezone) ?? text)
}

export function listIn(values: Values, name: string): string[] {
  const value = values[name]
  return Array.isArray(value) ? value : []
}
