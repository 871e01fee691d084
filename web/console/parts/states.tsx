import type { ComponentChildren } from 'preact'
import type { Problem } from '../api.ts'
import type { Loadable } from '../loading.ts'
import { words } from '../words/language.ts'
import { Icon, type IconName } from './icon.tsx'

/** Something is on its way. It is shown a moment late, so that what is quick does not flicker. */
export function Loading({ what }: { what?: string }) {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {what ?? words.value.common.loading}
    </p>
  )
}

type EmptyProps = { icon?: IconName; title: string; children?: ComponentChildren }

/** There is nothing yet: what it would be, and the way to it. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      {icon && <Icon name={icon} big />}
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** What went wrong, in a title and a sentence. */
export function sayProblem(problem: Problem): { title: string; how: string } {
  const t = words.value.common
  switch (problem.code) {
    case 'offline':
      return { title: t.offlineTitle, how: t.offlineHow }
    case 'not_an_answer':
      return { title: t.notAnAnswer, how: t.notAnAnswerHow }
    case 'not_found':
      return { title: t.notFound, how: t.notFoundHow }
    case 'role_required':
      return { title: t.notAllowed, how: t.notAllowedHow }
    default:
      return { title: problem.error || t.wrong, how: problem.message }
  }
}

/** What went wrong, and trying again. */
export function Failed({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const { title, how } = sayProblem(problem)
  return (
    <div class="empty failed" role="alert">
      <Icon name={problem.code === 'offline' ? 'cloud' : 'conflict'} big />
      <h2>{title}</h2>
      {how && <p>{how}</p>}
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {words.value.common.retry}
        </button>
      )}
    </div>
  )
}

type LoadedProps<T> = {
  of: Loadable<T> & { reload: () => unknown }
  children: (value: T) => ComponentChildren
}

/** Shows what was fetched; until then that it is on its way, or why it did not come. */
export function Loaded<T>({ of, children }: LoadedProps<T>) {
  const { value, problem, reload } = of
  if (value !== null) return <>{children(value)}</>
  // Whoever was signed out is asked to sign in, over this.
  if (problem && problem.code !== 'unauthenticated') return <Failed problem={problem} onRetry={() => void reload()} />
  return <Loading />
}
