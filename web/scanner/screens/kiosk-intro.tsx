import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { change } from '../settings.ts'
import { words } from '../words/language.ts'

/** Explains turnstile mode and starts it, where there is a PIN to end it. */
export function KioskIntroScreen() {
  const { hasPin, sheet, status } = useScanner()
  const { kiosk: t, failures } = words.value
  const isSupervisor = status.value.enrolment?.staff.role === 'supervisor'
  const start = () => {
    sheet.value = null
    change({ kiosk: true })
    // Where the browser allows it; the mode works without.
    document.documentElement.requestFullscreen?.().catch(() => {})
  }
  return (
    <Sheet title={t.title}>
      <p>{t.what}</p>
      {!hasPin.value && <p class="notice">{isSupervisor ? t.needsPin : failures.supervisor_needed}</p>}
      <button type="button" class="primary wide" disabled={!hasPin.value} onClick={start}>
        {t.start}
      </button>
    </Sheet>
  )
}
