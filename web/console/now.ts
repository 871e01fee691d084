import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'

/** The time, to the second, while anybody on the screen tells how long ago something was. */
const now = signal(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

export function useNow(): number {
  useEffect(() => {
    if (users++ === 0) {
      now.value = Date.now()
      timer = setInterval(() => {
        now.value = Date.now()
      }, 1000)
    }
    return () => {
      if (--users === 0) clearInterval(timer)
    }
  }, [])
  return now.value
}
