import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { type Answer, type Problem, put } from '../api.ts'
import { useEvent } from '../event.ts'
import { useWhole } from '../loading.ts'
import { AddButton } from '../parts/add-button.tsx'
import { Heading } from '../parts/heading.tsx'
import type { IconName } from '../parts/icon.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { may } from '../session.ts'
import { words } from '../words/language.ts'
import { settle } from './confirm.tsx'
import { type FieldSpec, textIn, type Values } from './form.tsx'
import { FormDialog } from './form-dialog.tsx'

const t = words.value.setup

type Props<T extends { id: string }> = {
  /** `gates`, as in the path. */
  what: string
  title: string
  /** One of them, as in “Add a gate”. */
  one: string
  icon: IconName
  /** What they are for, in a sentence or two. */
  why: string
  nameHint: string
  idHint: string
  /** What its id is called in what the server finds wrong. */
  idAsked: string
  /** Beside its name and its id, which everything has. */
  columns: readonly Column<T>[]
  fields: readonly FieldSpec[]
  /** What stands in the form of one that is there, or of a new one. */
  valuesOf: (item: T | null) => Values
  bodyOf: (values: Values) => object
  /** Buttons beside “Change”. */
  more?: (item: T) => ComponentChildren
}

/** What an event is made of: a list, and one form that adds and changes. */
export function SetupScreen<T extends { id: string; name: string }>(props: Props<T>) {
  const { what, title, one, icon, why, columns } = props
  const { event, path } = useEvent()
  const list = useWhole<T>(`${path}/${what}`)
  const open = useSignal<{ item: T | null } | null>(null)
  const mayChange = may('organiser')
  const add = mayChange && (
    <AddButton
      onClick={() => {
        open.value = { item: null }
      }}
    >
      {t.add}
      {one}
    </AddButton>
  )
  const named: Column<T>[] = [
    { title: t.name, cell: ({ name }) => name },
    { title: t.id, cell: ({ id }) => id },
  ]
  const actions: Column<T> = {
    title: t.actions,
    cell: (item) => (
      <span class="actions">
        {mayChange && (
          <button
            type="button"
            aria-label={t.changeThis(item.name)}
            onClick={() => {
              open.value = { item }
            }}
          >
            {t.change}
          </button>
        )}
        {props.more?.(item)}
      </span>
    ),
  }
  return (
    <>
      <Heading title={title} of={event.title}>
        {add}
      </Heading>
      <p class="dim">{why}</p>
      <Loaded of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon={icon} title={t.noYet(what.replaceAll('-', ' '))}>
              {add}
            </Empty>
          ) : (
            <Table
              stacks
              caption={title}
              columns={[...named, ...columns, actions]}
              items={items}
              keyOf={({ id }) => id}
            />
          )
        }
      </Loaded>
      {open.value && (
        <PutDialog
          {...props}
          item={open.value.item}
          onClose={() => {
            open.value = null
          }}
          onDone={() => void list.reload()}
        />
      )}
    </>
  )
}

type PutProps<T extends { id: string }> = Props<T> & { item: T | null; onClose: () => void; onDone: () => void }

function PutDialog<T extends { id: string; name: string }>(props: PutProps<T>) {
  const { what, one, item, fields, valuesOf, bodyOf, nameHint, idHint, idAsked, onClose, onDone } = props
  const { path } = useEvent()
  const idField: FieldSpec = { name: 'id', label: t.id, hint: idHint, kind: 'text', asked: idAsked }
  const nameField: FieldSpec = { name: 'name', label: t.name, hint: nameHint, kind: 'text' }
  const submit = async (values: Values): Promise<Problem | null> => {
    const id = item?.id ?? textIn(values, 'id')
    if (id === null) return missing(idAsked)
    const answer: Answer<unknown> = await put(`${path}/${what}/${encodeURIComponent(id)}`, {
      name: textIn(values, 'name') ?? '',
      ...bodyOf(values),
    })
    return settle(answer, onDone, t.saved)
  }
  return (
    <FormDialog
      title={item ? t.changeThis(item.name) : t.addThis(one)}
      class="large"
      onClose={onClose}
      fields={[...(item ? [] : [idField]), nameField, ...fields]}
      initial={{ id: '', name: item?.name ?? '', ...valuesOf(item) }}
      action={t.save}
      submit={submit}
    />
  )
}

/** As the server says it, for a field that is part of the address. */
function missing(field: string): Problem {
  const message = t.isRequired
  return { status: 400, code: 'bad_request', error: 'Bad request', message, issues: [{ field, message }], data: {} }
}
