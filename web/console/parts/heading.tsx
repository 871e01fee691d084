import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { words } from '../words/language.ts'

type Props = { title: string /** What the page is called beside this. */; of?: string; children?: ComponentChildren }

/** What a screen is called, on it and in the tab. It takes the focus when the screen opens, so that one hears where one is. */
export function Heading({ title, of, children }: Props) {
  const element = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = [title, of, words.value.name].filter(Boolean).join(' · ')
  }, [title, of])
  useEffect(() => {
    if (isFirst) isFirst = false
    else element.current?.focus({ preventScroll: true })
  }, [])
  return (
    <header class="heading">
      <h1 ref={element} tabIndex={-1}>
        {title}
      </h1>
      {children && <div class="actions">{children}</div>}
    </header>
  )
}

// With the first screen the browser itself says where one is.
let isFirst = true
