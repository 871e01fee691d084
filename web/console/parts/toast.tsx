import { signal } from '@preact/signals'
import type { Problem } from '../api.ts'
import { sayProblem } from './states.tsx'

type Toast = { id: number; text: string; tone: 'fine' | 'alarm' }

const toasts = signal<Toast[]>([])
const STAYS_MS = 6000
let lastId = 0

/** Says something in passing, on the screen and to screen readers. */
export function say(text: string, tone: Toast['tone'] = 'fine'): void {
  const id = ++lastId
  toasts.value = [...toasts.value.slice(-2), { id, text, tone }]
  setTimeout(() => {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }, STAYS_MS)
}

export function complain(problem: Problem): void {
  const { title, how } = sayProblem(problem)
  say(how ? `${title}. ${how}` : title, 'alarm')
}

/** Where they are shown: it has to be there before they are, or screen readers do not hear of them. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, tone }) => (
        <p key={id} class={`toast ${tone}`}>
          {text}
        </p>
      ))}
    </div>
  )
}
