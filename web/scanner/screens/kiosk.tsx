import { outcomeOf, outcomes, toneStyle } from '../outcomes.ts'
import { Icon } from '../parts/icon.tsx'
import { Viewfinder } from '../parts/viewfinder.tsx'
import { useScanner } from '../scanner.ts'
import { change } from '../settings.ts'
import { words } from '../words/language.ts'

/** At a turnstile nobody stands by: an arrow or a cross, no names, and nothing to press but the lock. */
export function KioskScreen() {
  const { shown, present, isOpen, askPin } = useScanner()
  const { kiosk: t, outcomes: says } = words.value
  const leave = async () => {
    if (!(await askPin())) return
    change({ kiosk: false })
    if (document.fullscreenElement) await document.exitFullscreen()
  }
  const verdict = shown.value?.shown.verdict
  const name = verdict ? outcomeOf(verdict) : null
  const tone = name ? outcomes[name].tone : undefined
  const passes = verdict?.kind === 'admitted' || verdict?.kind === 'exited' || verdict?.kind === 'visited'
  return (
    <main class="kiosk">
      <Viewfinder bare isOpen={isOpen} onCode={({ text }) => present({ what: { text }, source: 'camera' })} />
      <div class="kiosk-said" role="alert" data-tone={tone} style={tone ? toneStyle(tone) : {}}>
        {name ? (
          <>
            <Icon name={passes ? 'arrow' : 'cross'} big />
            <h1>{passes ? t.go : says[name][0]}</h1>
            {!passes && <p class="sentence">{t.wait}</p>}
          </>
        ) : (
          <h1>{t.show}</h1>
        )}
      </div>
      <button type="button" class="round kiosk-lock" onClick={leave} aria-label={t.leave}>
        <Icon name="lock" />
      </button>
    </main>
  )
}
