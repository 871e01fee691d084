import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { failureWords } from '../failure-words.ts'
import { hasNfc } from '../inputs/nfc.ts'
import { installPrompt } from '../install.ts'
import { outcomes } from '../outcomes.ts'
import { LanguageChoice } from '../parts/language-choice.tsx'
import { PinPad } from '../parts/pin-pad.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { change, settings } from '../settings.ts'
import { play, unlockSound, vibrate } from '../sound.ts'
import { words } from '../words/language.ts'

export function SettingsScreen() {
  const t = words.value.settings
  const { volume, vibrates, stays, nfc } = settings.value
  const tryIt = () => {
    unlockSound()
    play(outcomes.admitted.sound, settings.value.volume)
    if (settings.value.vibrates) vibrate(outcomes.admitted.vibration)
  }
  return (
    <Sheet title={t.title}>
      <div class="settings">
        <LanguageChoice />
        <label>
          {t.loudness}
          <input
            type="range"
            min="0"
            max="1"
            step="0.1"
            value={volume}
            onInput={({ currentTarget }) => change({ volume: currentTarget.valueAsNumber })}
          />
        </label>
        <label class="tick">
          <input type="checkbox" checked={vibrates} onChange={() => change({ vibrates: !vibrates })} />
          {t.vibration}
        </label>
        <label class="tick">
          <input type="checkbox" checked={stays} onChange={() => change({ stays: !stays })} />
          {t.stays}
        </label>
        <button type="button" onClick={tryIt}>
          {t.try}
        </button>
        <CameraChoice />
        {hasNfc && (
          <label class="tick">
            <input type="checkbox" checked={nfc} onChange={() => change({ nfc: !nfc })} />
            {t.nfc}
          </label>
        )}
        <PinSetting />
        {installPrompt.value && (
          <button type="button" onClick={() => installPrompt.value?.prompt()}>
            {t.install}
          </button>
        )}
      </div>
    </Sheet>
  )
}

function CameraChoice() {
  const t = words.value.settings
  const cameras = useSignal<MediaDeviceInfo[]>([])
  useEffect(() => {
    navigator.mediaDevices?.enumerateDevices().then(
      (devices) => {
        cameras.value = devices.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '')
      },
      // Without permission there is nothing to choose from.
      () => {},
    )
  }, [])
  return (
    <label>
      {t.camera}
      <select
        value={settings.value.cameraId ?? ''}
        onChange={({ currentTarget }) => change({ cameraId: currentTarget.value || null })}
      >
        <option value="">{t.cameraAutomatic}</option>
        {cameras.value.map(({ deviceId, label }, i) => (
          <option key={deviceId} value={deviceId}>
            {label || i + 1}
          </option>
        ))}
      </select>
    </label>
  )
}

function PinSetting() {
  const { engine, status, hasPin, askPin } = useScanner()
  const { settings: t, pin } = words.value
  const current = useSignal<string | null>(null)
  const first = useSignal<string | null>(null)
  const step = useSignal<'no' | 'choose' | 'again'>('no')
  if (status.value.enrolment?.staff.role !== 'supervisor') return null
  const start = async () => {
    current.value = hasPin.value ? await askPin() : null
    if (!hasPin.value || current.value !== null) step.value = 'choose'
  }
  const choose = async (chosen: string) => {
    if (chosen.length < 4) return pin.short
    first.value = chosen
    step.value = 'again'
    return null
  }
  const again = async (chosen: string) => {
    if (chosen !== first.value) {
      step.value = 'choose'
      return pin.differ
    }
    const done = await engine.setPin(chosen, current.value ?? undefined)
    if (!done.ok) return failureWords(done.failure)
    step.value = 'no'
    return null
  }
  return (
    <section class="card">
      <p>{t.pinWhy}</p>
      <button type="button" onClick={start}>
        {hasPin.value ? t.changePin : t.setPin}
      </button>
      {step.value === 'choose' && (
        <PinPad key="choose" title={pin.choose} onPin={choose} onCancel={() => (step.value = 'no')} />
      )}
      {step.value === 'again' && (
        <PinPad key="again" title={pin.again} onPin={again} onCancel={() => (step.value = 'no')} />
      )}
    </section>
  )
}
