import type { RefusalReason } from '../../core/verdict.ts'
import type { ShownVerdict, Undecided } from './engine/shown.ts'

/** Everything the door can be told: what lets someone pass, each reason that does not, and why nothing was decided. */
export type OutcomeName = 'admitted' | 'exited' | 'visited' | RefusalReason | Undecided['reason']

export function outcomeOf(verdict: ShownVerdict): OutcomeName {
  switch (verdict.kind) {
    case 'admitted':
    case 'exited':
    case 'visited':
      return verdict.kind
    case 'refused':
      return verdict.refusal.reason
    case 'undecided':
      return verdict.because.reason
  }
}

/** `solvable`: no, but there is something to be done about it here and now. `undecided`: nobody said yes or no. */
export type Tone = 'good' | 'out' | 'noted' | 'solvable' | 'bad' | 'undecided'

export type Icon =
  | 'check'
  | 'exit'
  | 'pin'
  | 'cross'
  | 'twice'
  | 'clock'
  | 'gate'
  | 'money'
  | 'hold'
  | 'question'
  | 'full'
  | 'cloud'

/** A note of a sound: its pitch, how long it lasts, and the pause after it. */
export type Note = { hz: number; ms: number; gapMs?: number; wave?: 'sine' | 'square' | 'triangle' }

export type Showing = {
  tone: Tone
  icon: Icon
  sound: Note[]
  /** Milliseconds on, off, on … */
  vibration: number[]
}

/** The screen's colour for each tone, and what is written on it: at least 4.5 to 1, as test/core/outcomes.test.ts holds. */
export const colours: Record<Tone, { paper: string; ink: string }> = {
  good: { paper: '#00703c', ink: '#ffffff' },
  out: { paper: '#0b57d0', ink: '#ffffff' },
  noted: { paper: '#00676b', ink: '#ffffff' },
  solvable: { paper: '#ffb000', ink: '#1a1200' },
  bad: { paper: '#b3001b', ink: '#ffffff' },
  undecided: { paper: '#5a3d8a', ink: '#ffffff' },
}

/** The tone's colours as a screen's style: `--paper` and `--on-paper` are what the styles paint with. */
export function toneStyle(tone: Tone): Record<string, string> {
  return { '--paper': colours[tone].paper, '--on-paper': colours[tone].ink }
}

/** How long each tone stays before the next person; the next code ends it at once. Nobody has to read a yes. */
export const holdMs: Record<Tone, number> = {
  good: 2500,
  out: 2500,
  noted: 2500,
  solvable: 8000,
  bad: 8000,
  undecided: 8000,
}

const up: Note[] = [
  { hz: 880, ms: 80, gapMs: 15 },
  { hz: 1319, ms: 150 },
]
const low = (...hz: number[]): Note[] => hz.map((one) => ({ hz: one, ms: 170, gapMs: 60, wave: 'square' }))
const middle = (...hz: number[]): Note[] => hz.map((one) => ({ hz: one, ms: 120, gapMs: 70, wave: 'triangle' }))

const no = [350, 120, 350]
const wait = [120, 80, 120, 80, 120]

/**
 * What each outcome looks, sounds and feels like. Whoever cannot see the colour has the icon and the word, whoever cannot
 * hear has the screen and the hand. Another reason in core/verdict.ts does not compile until it stands here.
 */
export const outcomes: Record<OutcomeName, Showing> = {
  admitted: { tone: 'good', icon: 'check', sound: up, vibration: [60] },
  exited: { tone: 'out', icon: 'exit', sound: middle(988, 659), vibration: [60, 60, 60] },
  visited: { tone: 'noted', icon: 'pin', sound: middle(784), vibration: [40] },

  unreadable: { tone: 'bad', icon: 'question', sound: low(196, 196), vibration: no },
  forged: { tone: 'bad', icon: 'cross', sound: low(196, 185, 174), vibration: [700] },
  wrong_event: { tone: 'bad', icon: 'cross', sound: low(220, 196), vibration: no },
  event_closed: { tone: 'bad', icon: 'hold', sound: low(220, 165), vibration: no },
  unknown: { tone: 'bad', icon: 'question', sound: low(208, 196), vibration: no },
  revoked: { tone: 'bad', icon: 'cross', sound: low(220, 185, 147), vibration: [500, 100, 500] },
  blocked: { tone: 'bad', icon: 'hold', sound: low(220, 185), vibration: no },
  unpaid: { tone: 'solvable', icon: 'money', sound: middle(523, 523, 440), vibration: wait },
  too_early: { tone: 'solvable', icon: 'clock', sound: middle(523, 587), vibration: wait },
  too_late: { tone: 'bad', icon: 'clock', sound: low(247, 196), vibration: no },
  wrong_gate: { tone: 'solvable', icon: 'gate', sound: middle(523, 392, 523), vibration: wait },
  already_admitted: { tone: 'bad', icon: 'twice', sound: low(233, 233, 233), vibration: [200, 100, 200, 100, 200] },
  limit_reached: { tone: 'bad', icon: 'twice', sound: low(233, 233, 196), vibration: no },
  too_soon: { tone: 'solvable', icon: 'clock', sound: middle(587, 523), vibration: wait },
  full: { tone: 'solvable', icon: 'full', sound: middle(440, 440, 440), vibration: wait },
  held_elsewhere: { tone: 'solvable', icon: 'gate', sound: middle(440, 523, 440), vibration: wait },

  no_network: { tone: 'undecided', icon: 'cloud', sound: middle(330, 330), vibration: wait },
  not_ready: { tone: 'undecided', icon: 'cloud', sound: middle(330, 294), vibration: wait },
  list_too_old: { tone: 'undecided', icon: 'clock', sound: middle(330, 277), vibration: wait },
  event_over: { tone: 'undecided', icon: 'clock', sound: middle(330, 220), vibration: wait },
  device_blocked: { tone: 'undecided', icon: 'hold', sound: middle(330, 262), vibration: wait },
  device_revoked: { tone: 'undecided', icon: 'hold', sound: middle(330, 247), vibration: no },
  not_enrolled: { tone: 'undecided', icon: 'question', sound: middle(330, 349), vibration: wait },
  unknown_gate: { tone: 'undecided', icon: 'gate', sound: middle(330, 392), vibration: wait },
  problem: { tone: 'undecided', icon: 'question', sound: middle(330, 440), vibration: wait },
}
