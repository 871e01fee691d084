import { useSignal } from '@preact/signals'
import type { DeviceType } from '../engine/engine.ts'
import { failureWords } from '../failure-words.ts'
import { Icon } from '../parts/icon.tsx'
import { LanguageChoice } from '../parts/language-choice.tsx'
import { Viewfinder } from '../parts/viewfinder.tsx'
import { useScanner } from '../scanner.ts'
import { words } from '../words/language.ts'

type Props = {
  /** The code that the page was opened with, if it was. */
  invited: string | null
}

/** From a new phone to a scanner of the event: a code, a name, done. */
export function EnrolScreen({ invited }: Props) {
  const { engine, status } = useScanner()
  const { enrol: t } = words.value
  const code = useSignal(invited ?? '')
  const name = useSignal(guessName())
  const looking = useSignal(false)
  const working = useSignal(false)
  const wrong = useSignal<string | null>(null)

  const enrol = async (event: Event) => {
    event.preventDefault()
    if (!code.value.trim() || !name.value.trim()) {
      wrong.value = code.value.trim() ? t.missingName : t.missingCode
      return
    }
    working.value = true
    wrong.value = null
    const done = await engine.enrol(code.value.trim(), { name: name.value.trim(), type: deviceType() })
    working.value = false
    if (!done.ok) wrong.value = failureWords(done.failure)
  }

  return (
    <main class="enrol">
      <img class="logo" src="/icons/logo.svg" alt="Admit One" width="72" height="72" />
      <h1>{t.title}</h1>
      {status.value.signedOutBecause === 'device_revoked' && (
        <p class="notice" role="status">
          <Icon name="warning" />
          {t.revoked}
        </p>
      )}
      {invited === null ? <p>{t.how}</p> : <p role="status">{t.found}</p>}
      {looking.value && (
        <div class="enrol-camera">
          <Viewfinder
            isOpen={() => looking.value}
            onCode={({ text }) => {
              code.value = text
              looking.value = false
            }}
          />
        </div>
      )}
      <form onSubmit={enrol} aria-busy={working.value}>
        {invited === null && (
          <>
            <button type="button" class="wide" onClick={() => (looking.value = !looking.value)}>
              <Icon name="camera" />
              {looking.value ? words.value.door.stopCamera : t.scan}
            </button>
            <label>
              {t.code}
              <input
                value={code.value}
                onInput={({ currentTarget }) => (code.value = currentTarget.value)}
                autocomplete="off"
                autocapitalize="characters"
                spellcheck={false}
              />
            </label>
          </>
        )}
        <label>
          {t.device}
          <input
            value={name.value}
            maxLength={200}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
            autocomplete="off"
            aria-describedby="device-hint"
          />
          <small id="device-hint">{t.deviceHint}</small>
        </label>
        <p class="wrong" role="alert">
          {wrong.value}
        </p>
        <button type="submit" class="primary wide" disabled={working.value}>
          {working.value ? t.working : t.submit}
        </button>
      </form>
      <LanguageChoice />
    </main>
  )
}

function deviceType(): DeviceType {
  if (!matchMedia('(pointer: coarse)').matches) return 'desktop'
  return Math.min(screen.width, screen.height) >= 600 ? 'tablet' : 'mobile'
}

/** Something to start from: people leave what is there, and “iPhone” is better than nothing. */
function guessName(): string {
  return /iPhone|iPad|Android|Windows|Macintosh|Linux/.exec(navigator.userAgent)?.[0] ?? ''
}
