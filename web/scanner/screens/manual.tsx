import { useSignal } from '@preact/signals'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { searchFor } from '../search-request.ts'
import { words } from '../words/language.ts'

/** A short code leads to its ticket by way of the search; anything longer is a code as if it had been scanned. */
const SHORT_CODE = 8

export function ManualScreen() {
  const { present, sheet } = useScanner()
  const t = words.value.manual
  const code = useSignal('')
  const check = async (event: Event) => {
    event.preventDefault()
    const text = code.value.trim()
    if (text === '') return
    if (text.replace(/[\s-]/g, '').length <= SHORT_CODE) {
      searchFor.value = text
      sheet.value = 'search'
      return
    }
    await present({ what: { text }, source: 'manual' })
    sheet.value = null
  }
  return (
    <Sheet title={t.title} back={() => (sheet.value = null)}>
      <form onSubmit={check}>
        <label>
          {t.label}
          <input
            data-first
            class="code"
            value={code.value}
            onInput={({ currentTarget }) => (code.value = currentTarget.value)}
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            enterkeyhint="go"
            aria-describedby="manual-hint"
          />
          <small id="manual-hint">{t.hint}</small>
        </label>
        <button type="submit" class="primary wide" disabled={code.value.trim() === ''}>
          {t.check}
        </button>
      </form>
    </Sheet>
  )
}
