import type { ComponentChildren } from 'preact'
import type { Problem } from '../api.ts'
import { Dialog } from '../parts/dialog.tsx'
import { type FieldSpec, Form, type Values } from './form.tsx'

type Props = {
  title: string
  fields: readonly FieldSpec[]
  initial: Values
  action: string
  isDangerous?: boolean
  class?: string
  /** What stands over the fields. */
  children?: ComponentChildren
  /** Gives what was wrong, or null where it is done; the dialog then goes. */
  submit: (values: Values) => Promise<Problem | null>
  onClose: () => void
}

/** A form over the screen, until it is taken or somebody thinks better of it. */
export function FormDialog({
  title,
  class: name = '',
  children,
  isDangerous = false,
  submit,
  onClose,
  ...form
}: Props) {
  const submitAndClose = async (values: Values) => {
    const problem = await submit(values)
    if (problem === null) onClose()
    return problem
  }
  return (
    <Dialog title={title} class={name} onClose={onClose}>
      {children}
      <Form {...form} isDangerous={isDangerous} submit={submitAndClose} onCancel={onClose} />
    </Dialog>
  )
}
