import type { ComponentChildren } from 'preact'
import type { Answer, Problem } from '../api.ts'
import { say } from '../parts/toast.tsx'
import type { FieldSpec, Values } from './form.tsx'
import { FormDialog } from './form-dialog.tsx'

type Props = {
  title: string
  /** What will happen, and to whom. */
  children: ComponentChildren
  action: string
  isDangerous?: boolean
  fields?: readonly FieldSpec[]
  initial?: Values
  /** Gives what was wrong, or null where it is done; the dialog then goes. */
  onConfirm: (values: Values) => Promise<Problem | null>
  onClose: () => void
}

/** Asks before something is done, and says what that will be. */
export function Confirm({ title, children, action, isDangerous, fields, initial, onConfirm, onClose }: Props) {
  return (
    <FormDialog
      title={title}
      fields={fields ?? []}
      initial={initial ?? {}}
      action={action}
      isDangerous={isDangerous ?? false}
      submit={onConfirm}
      onClose={onClose}
    >
      <div class="prose">{children}</div>
    </FormDialog>
  )
}

/** Takes an answer and what to do with what it gave; gives what was wrong, for a form. */
export function settle<T>(answer: Answer<T>, done: (value: T) => void, said?: string): Problem | null {
  if (!answer.ok) return answer.problem
  if (said) say(said)
  done(answer.value)
  return null
}
