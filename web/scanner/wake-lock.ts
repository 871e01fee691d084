/** Keeps the screen on until it is told to stop. The browser lets go whenever the page is hidden, so it is asked again. */
export function stayAwake(): () => void {
  if (!('wakeLock' in navigator)) return () => {}
  let lock: WakeLockSentinel | null = null
  let stopped = false

  async function ask(): Promise<void> {
    if (stopped || document.visibilityState !== 'visible') return
    try {
      lock = await navigator.wakeLock.request('screen')
      if (stopped) await lock.release()
    } catch {
      // A nearly empty battery, for one: the screen then goes dark as it always does.
    }
  }

  document.addEventListener('visibilitychange', ask)
  void ask()
  return () => {
    stopped = true
    document.removeEventListener('visibilitychange', ask)
    lock?.release().catch(() => {})
  }
}
