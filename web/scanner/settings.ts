import { effect, signal } from '@preact/signals'

/** What this device was set to. Nothing secret and nobody's name: it lies open in the browser's storage. */
export type Settings = {
  language: string | null
  volume: number
  vibrates: boolean
  /** An answer stays until somebody goes on, however long that takes. */
  stays: boolean
  cameraId: string | null
  zoom: number | null
  nfc: boolean
  kiosk: boolean
}

const unset: Settings = {
  language: null,
  volume: 0.8,
  vibrates: true,
  stays: false,
  cameraId: null,
  zoom: null,
  nfc: false,
  kiosk: false,
}
const key = 'admit-one-settings'

export const settings = signal<Settings>(kept())

export function change(changes: Partial<Settings>): void {
  settings.value = { ...settings.value, ...changes }
}

effect(() => {
  const text = JSON.stringify(settings.value)
  try {
    localStorage.setItem(key, text)
  } catch {
    // Storage is full or forbidden: the settings then last as long as the page.
  }
})

function kept(): Settings {
  try {
    const text = localStorage.getItem(key)
    return { ...unset, ...(text ? (JSON.parse(text) as Partial<Settings>) : {}) }
  } catch {
    // Forbidden, or somebody else's text under our key.
    return unset
  }
}
