import { useSignal } from '@preact/signals'
import type { Shown } from '../engine/shown.ts'
import { failureWords } from '../failure-words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { type Asked, useScanner } from '../scanner.ts'
import { words } from '../words/language.ts'

export function ForceDialog({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  const { present } = useScanner()
  const { force: t, pin, verdict } = words.value
  const other = useSignal('')
  const force = (reason: string) => {
    onClose()
    void present({ ...asked, force: { reason } })
  }
  return (
    <Dialog title={t.title} onClose={onClose}>
      <p>{t.why}</p>
      <div class="choices">
        {t.reasons.map((reason) => (
          <button type="button" key={reason} onClick={() => force(reason)}>
            {reason}
          </button>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (other.value.trim()) force(other.value.trim())
        }}
      >
        <label>
          {t.other}
          <input maxLength={500} value={other.value} onInput={(event) => (other.value = event.currentTarget.value)} />
        </label>
        <button type="submit" class="wide" disabled={!other.value.trim()}>
          {verdict.force}
        </button>
      </form>
      <button type="button" class="plain wide" onClick={onClose}>
        {pin.cancel}
      </button>
    </Dialog>
  )
}

export function AnnulDialog({ shown, onClose }: { shown: Shown; onClose: () => void }) {
  const { engine, dismiss } = useScanner()
  const { annul: t, pin } = words.value
  const said = useSignal<string | null>(null)
  const working = useSignal(false)
  const annul = async () => {
    working.value = true
    const done = await engine.annul(shown.scanId, t.reason)
    working.value = false
    if (done.ok) {
      onClose()
      dismiss()
      return
    }
    said.value = failureWords(done.failure)
  }
  return (
    <Dialog title={t.title} onClose={onClose}>
      <p>{t.what}</p>
      <p class="wrong" role="alert">
        {said.value}
      </p>
      <button type="button" class="primary wide" disabled={working.value} onClick={annul}>
        {t.yes}
      </button>
      <button type="button" class="plain wide" onClick={onClose}>
        {pin.cancel}
      </button>
    </Dialog>
  )
}
