import { words } from '../words/language.ts'
import { Icon } from './icon.tsx'
import { say } from './toast.tsx'

/** Puts a text on the clipboard. `what` tells several of them apart: “Copy the key”. */
export function CopyButton({ text, what }: { text: string; what?: string }) {
  const t = words.value.common
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => say(t.copied),
      () => say(t.copyFailed, 'alarm'),
    )
  return (
    <button type="button" class="plain" onClick={() => void copy()}>
      <Icon name="copy" />
      {what ?? t.copy}
    </button>
  )
}
