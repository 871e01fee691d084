import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { AskedScan, Engine } from './engine/engine.ts'
import type { Observable } from './engine/observable.ts'
import type { Shown } from './engine/shown.ts'
import type { Status } from './engine/status.ts'
import { holdMs, outcomeOf, outcomes } from './outcomes.ts'
import { settings } from './settings.ts'
import { play, vibrate } from './sound.ts'

/** The sheets that lie over the door. */
export type Sheet =
  | 'menu'
  | 'gate'
  | 'manual'
  | 'search'
  | 'sell'
  | 'shift'
  | 'recent'
  | 'conflicts'
  | 'ready'
  | 'settings'
  | 'kiosk'
  | 'sign-out'

/** What was held up, so that it can be asked once more with another wish. */
export type Asked = AskedScan

/** The screens' own state: one thing at a time is looked at, judged or shown. */
export type Scanner = {
  engine: Engine
  status: ReadonlySignal<Status>
  recent: ReadonlySignal<Shown[]>
  hasPin: ReadonlySignal<boolean>
  sheet: Signal<Sheet | null>
  /** The sheet that lay over the door before the one that does now, so that the focus finds its way back. */
  cameFrom: () => Sheet | null
  /** The answer that fills the screen, and what was asked for it. */
  shown: ReadonlySignal<{ shown: Shown; asked: Asked } | null>
  judging: ReadonlySignal<boolean>
  /** People who come in with the next code, and which way. They hold for one scan. */
  party: Signal<number>
  direction: Signal<'entry' | 'exit' | null>
  /** Whether a code that the camera sees now would be taken. */
  isOpen: () => boolean
  /** `seenAt`: when the frame with the code reached us, by `performance.now()`. */
  present: (asked: Asked, seenAt?: number) => Promise<void>
  dismiss: () => void
  /** Keeps what is shown until somebody says so: there is something to read or to decide. */
  linger: () => void
  /** Asks for the PIN; whoever asked gets it where it was right, and null where somebody thought better of it. */
  askPin: () => Promise<string | null>
  pinAsked: Signal<((pin: string | null) => void) | null>
  /** Where an event has several gates and none was chosen, that is what has to be done first. */
  gateIsChosen: () => boolean
  /** Nothing was done for a while, and nothing is under way: the app may be exchanged for a newer one. */
  isIdle: () => boolean
}

const IDLE_MS = 10_000

export function createScanner(engine: Engine): Scanner {
  const status = toSignal(engine.status)
  const shown = signal<{ shown: Shown; asked: Asked } | null>(null)
  const judging = signal(false)
  const sheet = signal<Sheet | null>(null)
  const party = signal(1)
  const direction = signal<'entry' | 'exit' | null>(null)
  const pinAsked = signal<((pin: string | null) => void) | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastUsedAt = performance.now()
  let over: Sheet | null = null
  let before: Sheet | null = null
  sheet.subscribe((now) => {
    before = over
    over = now
  })

  async function present(asked: Asked, seenAt = performance.now()): Promise<void> {
    if (judging.value) return
    clearTimeout(timer)
    lastUsedAt = performance.now()
    judging.value = true
    shown.value = null
    sheet.value = null
    try {
      const wishes = { ...(direction.value ? { direction: direction.value } : {}), people: party.value }
      show(await engine.scan({ ...wishes, ...asked }), asked)
      measureAnswer(seenAt)
    } finally {
      judging.value = false
    }
  }

  function show(answer: Shown, asked: Asked): void {
    const { tone, sound, vibration } = outcomes[outcomeOf(answer.verdict)]
    shown.value = { shown: answer, asked }
    party.value = 1
    lastUsedAt = performance.now()
    play(sound, settings.value.volume)
    if (settings.value.vibrates) vibrate(vibration)
    const hasMore = answer.verdict.kind === 'admitted' && answer.verdict.remaining > 0
    const toRead = hasMore || answer.ticket?.attention === true
    if (settings.value.stays && !settings.value.kiosk) return
    timer = setTimeout(dismiss, toRead ? holdMs.bad : holdMs[tone])
  }

  function dismiss(): void {
    clearTimeout(timer)
    lastUsedAt = performance.now()
    shown.value = null
  }

  return {
    engine,
    status,
    recent: toSignal(engine.recent),
    hasPin: toSignal(engine.hasPin),
    sheet,
    cameFrom: () => before,
    shown,
    judging,
    party,
    direction,
    isOpen: () => !judging.value && pinAsked.value === null && sheet.value === null,
    present,
    dismiss,
    linger: () => clearTimeout(timer),
    askPin: () =>
      new Promise((resolve) => {
        pinAsked.value = (pin) => {
          pinAsked.value = null
          resolve(pin)
        }
      }),
    pinAsked,
    gateIsChosen: () => status.value.gate !== null,
    isIdle: () => {
      const isBusy = judging.value || shown.value || sheet.value || pinAsked.value || engine.busy.value
      return !isBusy && performance.now() - lastUsedAt > IDLE_MS
    },
  }
}

/** How long it took from the frame with the code to the painted answer; bench/browser/scanner.ts reads it. */
function measureAnswer(seenAt: number): void {
  requestAnimationFrame(() => setTimeout(() => performance.measure('answered', { start: seenAt })))
}

function toSignal<T>(observable: Observable<T>): ReadonlySignal<T> {
  const copy = signal(observable.value)
  observable.subscribe((value) => {
    copy.value = value
  })
  return copy
}

export const ScannerContext = createContext<Scanner | null>(null)

export function useScanner(): Scanner {
  const scanner = useContext(ScannerContext)
  if (!scanner) throw new Error('a screen outside of the scanner')
  return scanner
}
