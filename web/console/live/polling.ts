/** What asks again and again, and how long it waits in between. */
export type Poll = {
  /** Gives whether it was answered. */
  ask: (signal: AbortSignal) => Promise<boolean>
  everyMs: number
}

const SLOWEST_MS = 30_000

/** Asks at once and then regularly while the page is seen; slower and slower while there is no answer. */
export function poll({ ask, everyMs }: Poll): { stop: () => void; now: () => void } {
  const stopped = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isAsking = false
  let failures = 0
  const run = async () => {
    clearTimeout(timer)
    if (isAsking || stopped.signal.aborted || document.visibilityState === 'hidden') return
    isAsking = true
    failures = (await ask(stopped.signal)) ? 0 : failures + 1
    isAsking = false
    if (!stopped.signal.aborted) timer = setTimeout(run, waitMs(everyMs, failures))
  }
  const whenSeen = () => {
    if (document.visibilityState === 'visible') void run()
  }
  document.addEventListener('visibilitychange', whenSeen)
  window.addEventListener('online', whenSeen)
  void run()
  return {
    now: () => void run(),
    stop: () => {
      stopped.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', whenSeen)
      window.removeEventListener('online', whenSeen)
    },
  }
}

export function waitMs(everyMs: number, failures: number): number {
  return failures === 0 ? everyMs : Math.max(everyMs, Math.min(SLOWEST_MS, everyMs * 2 ** failures))
}
