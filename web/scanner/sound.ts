import type { Note } from './outcomes.ts'

let context: AudioContext | null = null

/** Browsers let a page be heard only once somebody touched it. To be called from every first touch or key. */
export function unlockSound(): void {
  context ??= new AudioContext()
  // Refused where it was no touch after all; the next one is.
  if (context.state !== 'running') context.resume().catch(() => {})
}

/** Plays notes one after the other; `volume` from 0 to 1. Silent as long as nobody touched the page. */
export function play(notes: Note[], volume: number): void {
  if (context?.state !== 'running' || volume <= 0) return
  let at = context.currentTime + 0.01
  for (const { hz, ms, gapMs = 0, wave = 'sine' } of notes) {
    const tone = context.createOscillator()
    const gain = context.createGain()
    tone.type = wave
    tone.frequency.value = hz
    // Square waves are far louder to the ear, and an edge would click.
    const peak = volume * (wave === 'square' ? 0.35 : 0.9)
    gain.gain.setValueAtTime(0, at)
    gain.gain.linearRampToValueAtTime(peak, at + 0.008)
    gain.gain.setValueAtTime(peak, at + ms / 1000 - 0.02)
    gain.gain.linearRampToValueAtTime(0, at + ms / 1000)
    tone.connect(gain).connect(context.destination)
    tone.start(at)
    tone.stop(at + ms / 1000)
    at += (ms + gapMs) / 1000
  }
}

/** Vibrates where the device can, which on iOS it cannot. */
export function vibrate(pattern: number[]): void {
  navigator.vibrate?.(pattern)
}
