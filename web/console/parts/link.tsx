import type { ComponentChildren } from 'preact'
import { go, hrefOf } from '../router.ts'

type Props = {
  to: string
  class?: string
  isCurrent?: boolean
  onGo?: () => void
  children: ComponentChildren
}

/** A link within the console. With a modifier the browser does what it always does: a tab, a window. */
export function Link({ to, class: name, isCurrent = false, onGo, children }: Props) {
  return (
    <a
      href={hrefOf(to)}
      {...(name ? { class: name } : {})}
      {...(isCurrent ? { 'aria-current': 'page' as const } : {})}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        event.preventDefault()
        onGo?.()
        go(to)
      }}
    >
      {children}
    </a>
  )
}
