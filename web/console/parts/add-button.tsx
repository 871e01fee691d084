import type { ComponentChildren } from 'preact'
import { Icon } from './icon.tsx'

/** What a list grows by; it stands in the heading. */
export function AddButton({ onClick, children }: { onClick: () => void; children: ComponentChildren }) {
  return (
    <button type="button" class="primary" onClick={onClick}>
      <Icon name="plus" />
      {children}
    </button>
  )
}
