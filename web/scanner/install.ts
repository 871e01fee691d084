import { signal } from '@preact/signals'

type InstallPrompt = Event & { prompt: () => Promise<unknown> }

/** Where the browser lets a page offer its installation: what does so. It can be used once. */
export const installPrompt = signal<{ prompt: () => void } | null>(null)

export function listenForInstall(): void {
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    installPrompt.value = {
      prompt: () => {
        installPrompt.value = null
        void (event as InstallPrompt).prompt()
      },
    }
  })
}
