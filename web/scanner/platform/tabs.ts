import type { TabMessage, Tabs } from '../engine/ports.ts'

/** The other tabs of this device and its service worker, by Web Locks and a channel. */
export function browserTabs(name = 'admit-one'): Tabs {
  const channel = new BroadcastChannel(name)
  return {
    alone: (what, run) => navigator.locks.request(`${name} ${what}`, run) as ReturnType<typeof run>,
    aloneOrNot: (what, run) =>
      navigator.locks.request(`${name} ${what}`, { ifAvailable: true }, (lock) =>
        lock === null ? null : run(),
      ) as Promise<Awaited<ReturnType<typeof run>> | null>,
    tell: (message) => channel.postMessage(message),
    listen(listener) {
      const hear = ({ data }: MessageEvent<TabMessage>) => listener(data)
      channel.addEventListener('message', hear)
      return () => {
        channel.removeEventListener('message', hear)
        channel.close()
      }
    },
  }
}
