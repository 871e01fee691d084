import type { ComponentChildren } from 'preact'
import type { Answer, Problem } from '../api.ts'
import { Dialog } from '../parts/dialog.tsx'
import { say } from '../parts/toast.tsx'
import { type FieldSpec, Form, type Values } from './form.tsx'

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
  const confirm = async (values: Values) => {
    const problem = await onConfirm(values)
    if (problem === null) onClose()
    return problem
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="prose">{children}</div>
      <Form
        fields={fields ?? []}
        initial={initial ?? {}}
        action={action}
        isDangerous={isDangerous ?? false}
        submit={confirm}
        onCancel={onClose}
      />
    </Dialog>
  )
}

/** Takes an answer and what to do with what it gave; gives what was wrong, for a form. */
export function settle<T>(answer: Answer<T>, done: (value: T) => void, said?: string): Problem | null {
  if (!answer.ok) return answer.problem
  if (said) say(said)
  done(answer.value)
  return null
}
