import { ownScript } from './own-scripts.ts'

const LOOK_EVERY_MS = 30 * 60_000
const ASK_EVERY_MS = 5000

/**
 * Keeps the app on this device, so that it starts without a network, and brings a newer one in between two scans: it is
 * fetched beside the running one, and takes over only when nobody is scanning.
 */
export async function keepOnDevice(isIdle: () => boolean): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  const { serviceWorker } = navigator
  const registration = await serviceWorker.register(ownScript('/service-worker.js'), {
    scope: '/scan',
    updateViaCache: 'none',
  })
  let asked = false
  serviceWorker.addEventListener('controllerchange', () => {
    // The first one takes over a page that is already the newest.
    if (asked) location.reload()
  })
  setInterval(() => {
    if (!registration.waiting || !(document.hidden || isIdle())) return
    asked = true
    registration.waiting.postMessage('activate')
  }, ASK_EVERY_MS)
  // No network: there will be another time.
  setInterval(() => registration.update().catch(() => {}), LOOK_EVERY_MS)
}
