import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { useScanner } from '../scanner.ts'
import { words } from '../words/language.ts'
import { Icon } from './icon.tsx'

type Props = { title: string; children: ComponentChildren; back?: () => void }

/**
 * A screen over the door's: its heading is read out first, unless it is there for one field to be filled in, and Escape
 * or the arrow leads back.
 */
export function Sheet({ title, children, back }: Props) {
  const { sheet } = useScanner()
  const heading = useRef<HTMLHeadingElement>(null)
  // Both before it is painted: whoever sees a field may type at once, and whoever sees the sheet press Escape.
  useLayoutEffect(() => {
    const field = document.querySelector<HTMLElement>('.sheet [data-first]')
    const first = field ?? heading.current
    first?.focus()
  }, [])
  const leave = back ?? (() => (sheet.value = sheet.value === 'menu' ? null : 'menu'))
  // Heard wherever the focus is: what had it may just have gone.
  const latest = useRef(leave)
  latest.current = leave
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('dialog')) latest.current()
    }
    addEventListener('keydown', hear)
    return () => removeEventListener('keydown', hear)
  }, [])
  return (
    <main class="sheet">
      <header class="sheet-head">
        <button type="button" class="round" onClick={leave} aria-label={words.value.menu.back}>
          <Icon name="back" />
        </button>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
      </header>
      <div class="sheet-body">{children}</div>
    </main>
  )
}
