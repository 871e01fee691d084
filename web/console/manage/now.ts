import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** The time, anew each so many milliseconds. */
export function useNow(everyMs: number): number {
  const now = useSignal(Date.now())
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now()
    }, everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now.value
}

/** Does something again and again while the screen is looked at. */
export function useEvery(ms: number | null, work: () => unknown): void {
  const latest = useRef(work)
  latest.current = work
  useEffect(() => {
    if (ms === null) return
    const timer = setInterval(() => {
      if (!document.hidden) latest.current()
    }, ms)
    return () => clearInterval(timer)
  }, [ms])
}
