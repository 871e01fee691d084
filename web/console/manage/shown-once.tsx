import type { ComponentChildren } from 'preact'
import { CopyButton } from '../parts/copy-button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { words } from '../words/language.ts'

const t = words.value.shownOnce

type Props = { title: string; secret: string; children: ComponentChildren; onClose: () => void }

/** A secret that nobody can be shown again: kept on the screen until somebody says that they have it. */
export function ShownOnce({ title, secret, children, onClose }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <p class="secret" data-secret>
        {secret}
      </p>
      <div class="actions">
        <CopyButton text={secret} />
        <button type="button" class="primary" onClick={onClose}>
          {t.iHaveIt}
        </button>
      </div>
    </Dialog>
  )
}
