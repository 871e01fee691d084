import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type Answer, get, type Problem, withQuery } from './api.ts'
import { signedInSince } from './session.ts'

/** What is known of something that is fetched. What came before stays while it is fetched anew, or cannot be. */
export type Loadable<T> = { value: T | null; problem: Problem | null; isLoading: boolean }

/** Fetches something when a screen opens, when `key` changes, and when somebody signs in again. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<Answer<T>>) {
  const state = useSignal<Loadable<T>>({ value: null, problem: null, isLoading: true })
  const under = useRef<AbortController | null>(null)
  const lastKey = useRef(key)
  const run = async () => {
    under.current?.abort()
    const mine = new AbortController()
    under.current = mine
    const isSame = lastKey.current === key
    lastKey.current = key
    state.value = { value: isSame ? state.peek().value : null, problem: null, isLoading: true }
    const answer = await load(mine.signal)
    if (mine.signal.aborted) return
    state.value = answer.ok
      ? { value: answer.value, problem: null, isLoading: false }
      : { value: state.peek().value, problem: answer.problem, isLoading: false }
  }
  useEffect(() => {
    void run()
    return () => under.current?.abort()
  }, [key, signedInSince.value])
  const set = (value: T) => {
    state.value = { value, problem: null, isLoading: false }
  }
  return { ...state.value, reload: run, set }
}

/** The same, of what one GET gives. */
export function useGet<T>(path: string) {
  return useLoaded<T>(path, (signal) => get<T>(path, signal))
}

type Page<T> = { items: T[]; nextCursor: string | null }

/** The next page with something on it. A filtered one may be empty, since a call looks at so many and no more. */
async function getPage<T>(path: string, cursor: string | null, signal?: AbortSignal): Promise<Answer<Page<T>>> {
  for (let from = cursor; ; ) {
    const page = await get<Page<T>>(from === null ? path : withQuery(path, { cursor: from }), signal)
    if (!page.ok || page.value.items.length > 0 || page.value.nextCursor === null) return page
    from = page.value.nextCursor
  }
}

/** A list to the end of it, for what there is so little of that a screen shows or offers all, as gates. */
export async function getWhole<T>(path: string, signal?: AbortSignal): Promise<Answer<{ items: T[] }>> {
  const items: T[] = []
  for (let cursor: string | null = null; ; ) {
    const page: Answer<Page<T>> = await get(withQuery(path, { limit: 200, cursor }), signal)
    if (!page.ok) return page
    items.push(...page.value.items)
    cursor = page.value.nextCursor
    if (cursor === null) return { ok: true, value: { items } }
  }
}

/** The same, when a screen opens. */
export function useWhole<T>(path: string) {
  return useLoaded<{ items: T[] }>(path, (signal) => getWhole<T>(path, signal))
}

/** A list, page by page: `more` fetches the next one. It begins anew where the path changes, as with a search. */
export function useList<T>(path: string, limit = 50) {
  const key = withQuery(path, { limit })
  const first = useLoaded<Page<T>>(key, (signal) => getPage<T>(key, null, signal))
  const state = useSignal<{ problem: Problem | null; isLoading: boolean }>({ problem: null, isLoading: false })
  const page = first.value
  const more = async () => {
    if (!page?.nextCursor || state.peek().isLoading) return
    state.value = { problem: null, isLoading: true }
    const next = await getPage<T>(key, page.nextCursor)
    state.value = { problem: next.ok ? null : next.problem, isLoading: false }
    if (next.ok) first.set({ items: [...page.items, ...next.value.items], nextCursor: next.value.nextCursor })
  }
  return {
    items: page?.items ?? null,
    problem: first.problem ?? state.value.problem,
    isLoading: first.isLoading,
    isLoadingMore: state.value.isLoading,
    hasMore: Boolean(page?.nextCursor),
    more,
    reload: first.reload,
  }
}
