import { effect, signal } from '@preact/signals'
import { Component, type ComponentChildren, render } from 'preact'
import { App, Broken } from './app.tsx'
import { decoder } from './camera/decoder.ts'
import { hasNfc, listenForNfc } from './inputs/nfc.ts'
import { listenForWedge } from './inputs/wedge.ts'
import { listenForInstall } from './install.ts'
import { takeInvitation } from './invitation.ts'
import { loadLater } from './later.ts'
import { startBrowserEngine } from './platform/browser.ts'
import { createScanner, type Scanner, ScannerContext } from './scanner.ts'
import { settings } from './settings.ts'
import { unlockSound } from './sound.ts'
import { keepOnDevice } from './updates.ts'
import { stayAwake } from './wake-lock.ts'
import { language, timezone, words } from './words/language.ts'

/** Put in by the build. */
declare const APP_VERSION: string

// Before anything else, so that it is nowhere to be seen.
const invited = signal(takeInvitation())

class Catch extends Component<{ children: ComponentChildren }, { isBroken: boolean }> {
  override state = { isBroken: false }

  static override getDerivedStateFromError() {
    return { isBroken: true }
  }

  override componentDidCatch(error: unknown) {
    console.error('a screen broke', error)
  }

  override render() {
    return this.state.isBroken ? <Broken /> : this.props.children
  }
}

async function start(root: HTMLElement): Promise<void> {
  listenForInstall()
  effect(() => {
    document.documentElement.lang = language.value
    document.documentElement.dir = words.value.direction
  })
  const scanner = createScanner(await startBrowserEngine(APP_VERSION))
  root.replaceChildren()
  render(
    <ScannerContext.Provider value={scanner}>
      <Catch>
        <Root />
      </Catch>
    </ScannerContext.Provider>,
    root,
  )
  // Its wasm is fetched now, while there is a network, whether or not there is a camera.
  decoder().ready.catch((error: unknown) => console.error('the code reader did not start', error))
  listen(scanner)
  await loadLater()
  await keepOnDevice(() => scanner.isIdle())
}

function Root() {
  return <App invited={invited.value} />
}

function listen(scanner: Scanner): void {
  window.addEventListener('hashchange', () => {
    invited.value = takeInvitation() ?? invited.value
  })
  for (const touch of ['pointerdown', 'keydown']) window.addEventListener(touch, unlockSound, { capture: true })
  const isEnrolled = () => scanner.status.value.enrolment !== null
  listenForWedge(window, {
    onCode: (text) => {
      if (isEnrolled()) scanner.present({ what: { text }, source: 'wedge' })
    },
  })
  // A code works once: when this device is signed out again, it is none to go on with.
  let wasEnrolled = isEnrolled()
  effect(() => {
    if (isEnrolled() && !wasEnrolled) invited.value = null
    wasEnrolled = isEnrolled()
  })
  effect(() => {
    timezone.value = scanner.status.value.enrolment?.event.timezone
  })
  whileTrue(isEnrolled, stayAwake)
  whileTrue(
    () => hasNfc && settings.value.nfc && isEnrolled(),
    () => {
      const stop = new AbortController()
      listenForNfc((text) => scanner.present({ what: { text }, source: 'nfc' }), stop.signal).catch((error: unknown) =>
        console.warn('NFC is not to be had', error),
      )
      return () => stop.abort()
    },
  )
}

/** Does something as long as a condition holds. */
function whileTrue(holds: () => boolean, begin: () => () => void): void {
  let end: (() => void) | null = null
  effect(() => {
    const now = holds()
    if (now && !end) end = begin()
    if (!now && end) {
      end()
      end = null
    }
  })
}

const root = document.getElementById('app')
if (root) {
  start(root).catch((error: unknown) => {
    console.error('the scanner did not start', error)
    root.replaceChildren()
    render(<Broken />, root)
  })
}
