import type { Failure } from './engine/engine.ts'
import { number, words } from './words/language.ts'

/** Takes what went wrong; gives it in words for the person at the door. */
export function failureWords(failure: Failure): string {
  const { failures } = words.value
  switch (failure.code) {
    case 'still_pending':
      return failures.still_pending + number(failure.pending)
    case 'problem':
      return failure.message
    default:
      return failures[failure.code]
  }
}
