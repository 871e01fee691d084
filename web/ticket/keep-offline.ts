type Policy = { createScriptURL: (url: string) => string }
type TrustedTypes = { createPolicy: (name: string, rules: Policy) => Policy }

/** Has this page kept on the phone, so that it opens without a network. */
export function keepOffline(): void {
  const workers = navigator.serviceWorker
  if (!workers) return
  workers
    .register(ownScript('/ticket-worker.js'), { scope: '/t/' })
    .then(() => workers.ready)
    .then(({ active }) => active?.postMessage('save'))
    .catch(() => {
      // Private windows and some in-app browsers keep nothing. The page works with a network.
    })
}

/** The page's policy takes an address of a script only from here. */
function ownScript(path: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  return trustedTypes?.createPolicy('admit-one', { createScriptURL: (url) => url }).createScriptURL(path) ?? path
}
