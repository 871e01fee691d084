import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import type { Problem } from '../api.ts'
import { words } from '../words/language.ts'

/** What goes to the input, so that its label, hint and error belong to it. */
export type InputProps = { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true; required?: true }

type Props = {
  label: string
  hint?: string | undefined
  error?: string | null | undefined
  isOptional?: boolean
  children: (input: InputProps) => ComponentChildren
}

/** A label, an input, and under it what is wrong with it or else a hint. */
export function Field({ label, hint, error, isOptional = false, children }: Props) {
  const id = useId()
  const below = error ?? hint
  return (
    <div class="field">
      <label for={id}>
        {label}
        {isOptional && <span class="dim"> ({words.value.common.optional})</span>}
      </label>
      {children({
        id,
        ...(below ? { 'aria-describedby': `${id}-below` } : {}),
        ...(error ? { 'aria-invalid': true as const } : {}),
      })}
      {below && (
        <p id={`${id}-below`} class={error ? 'field-error' : 'hint'}>
          {error ? `${label} ${error}` : hint}
        </p>
      )}
    </div>
  )
}

type Choice<T extends string> = { value: T; label: string; hint?: string | undefined }
type ChoicesProps<T extends string> = {
  legend: string
  value: T
  choices: readonly Choice<T>[]
  onChoose: (value: T) => void
}

/** One of a few, each with what it means. */
export function Choices<T extends string>({ legend, value, choices, onChoose }: ChoicesProps<T>) {
  const name = useId()
  return (
    <fieldset class="choices">
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.value} class="choice">
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === value}
            onChange={() => onChoose(choice.value)}
          />
          <span>
            {choice.label}
            {choice.hint && <small>{choice.hint}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}

/** Takes what the server found wrong with a form; gives the sentence for one of its fields, or null. */
export function issueOf(problem: Problem | null, field: string): string | null {
  return problem?.issues.find((issue) => issue.field === field)?.message ?? null
}
