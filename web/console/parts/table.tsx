import type { ComponentChildren } from 'preact'

export type Column<T> = {
  title: string
  cell: (item: T) => ComponentChildren
  isNumber?: boolean
}

type Props<T> = {
  caption: string
  /** Whether the caption is read out only, since a heading above says the same. */
  hidesCaption?: boolean
  columns: readonly Column<T>[]
  items: readonly T[]
  keyOf: (item: T, index: number) => string | number
  /** On a phone each row becomes a card, with the column's title before each cell. For rows that one does something with. */
  stacks?: boolean
}

/** The first column names its row. Where it is too wide for a phone it scrolls by itself, with the keyboard too. */
export function Table<T>({ caption, hidesCaption = true, columns, items, keyOf, stacks = false }: Props<T>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable with the keyboard.
    <section class={stacks ? 'table stacks' : 'table'} aria-label={caption} tabIndex={0}>
      <table>
        <caption class={hidesCaption ? 'visually-hidden' : ''}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" class={isNumber ? 'number' : ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item, index) => (
            <tr key={keyOf(item, index)}>
              {columns.map(({ title, cell, isNumber }, i) =>
                i === 0 ? (
                  <th key={title} scope="row">
                    {cell(item)}
                  </th>
                ) : (
                  <td key={title} class={isNumber ? 'number' : ''} data-title={title}>
                    {cell(item)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

type MoreProps = { hasMore: boolean; isLoading: boolean; label: string; onMore: () => unknown }

export function MoreButton({ hasMore, isLoading, label, onMore }: MoreProps) {
  if (!hasMore) return null
  return (
    <button type="button" class="more" disabled={isLoading} onClick={() => void onMore()}>
      {label}
    </button>
  )
}
