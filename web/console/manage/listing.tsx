import type { ComponentChildren } from 'preact'
import type { useList } from '../loading.ts'
import { Failed, Loading } from '../parts/states.tsx'
import { type Column, MoreButton, Table } from '../parts/table.tsx'
import { number, words } from '../words/language.ts'

const t = words.value.listing

type Props<T> = {
  list: ReturnType<typeof useList<T>>
  caption: string
  columns: readonly Column<T>[]
  keyOf: (item: T, index: number) => string
  /** What is shown where there is nothing. */
  empty: ComponentChildren
}

/** A list page by page: its rows, that there are none, that they are on their way, or why they did not come. */
export function Listing<T>({ list, caption, columns, keyOf, empty }: Props<T>) {
  const { items, problem, isLoading } = list
  if (items === null) {
    if (problem) return <Failed problem={problem} onRetry={() => void list.reload()} />
    return <Loading />
  }
  if (items.length === 0) return <>{empty}</>
  return (
    <>
      <p class="dim" role="status">
        {isLoading ? words.value.common.loading : t.shownThis(number(items.length), list.hasMore ? '+' : '')}
      </p>
      {problem && <Failed problem={problem} onRetry={() => void list.reload()} />}
      <Table stacks caption={caption} columns={columns} items={items} keyOf={keyOf} />
      <MoreButton
        hasMore={list.hasMore}
        isLoading={list.isLoadingMore}
        label={words.value.common.more}
        onMore={list.more}
      />
    </>
  )
}
