import { useSignal } from '@preact/signals'
import { failureWords } from '../failure-words.ts'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { number, words } from '../words/language.ts'

/** Says what is lost before it is. */
export function SignOutScreen() {
  const { engine, status, sheet } = useScanner()
  const t = words.value.signOut
  const { pending } = status.value
  const working = useSignal(false)
  const wrong = useSignal<string | null>(null)
  const signOut = async (force: boolean) => {
    working.value = true
    const done = await engine.signOut({ force })
    working.value = false
    if (!done.ok) wrong.value = failureWords(done.failure)
    else sheet.value = null
  }
  const send = async () => {
    working.value = true
    await engine.syncNow()
    working.value = false
  }
  return (
    <Sheet title={t.title}>
      <p>{t.what}</p>
      {pending > 0 && (
        <div class="notice">
          <p>
            {t.pending}
            <strong>{number(pending)}</strong>
          </p>
          <button type="button" class="wide" disabled={working.value} onClick={send}>
            {t.sendFirst}
          </button>
        </div>
      )}
      <p class="wrong" role="alert">
        {wrong.value}
      </p>
      <button type="button" class="primary wide" onClick={() => (sheet.value = null)}>
        {t.no}
      </button>
      <button type="button" class="danger wide" disabled={working.value} onClick={() => signOut(pending > 0)}>
        {pending > 0 ? t.anyway : t.yes}
      </button>
    </Sheet>
  )
}
