/** Keeps the screen on while the ticket is seen. The browser lets go whenever it is hidden, so it is asked for again. */
export function stayAwake(): void {
  const ask = () => {
    if (document.visibilityState !== 'visible') return
    navigator.wakeLock?.request('screen').catch(() => {
      // Refused, as on a low battery. The ticket is good all the same.
    })
  }
  document.addEventListener('visibilitychange', ask)
  ask()
}
