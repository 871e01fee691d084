import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { useScanner } from '../scanner.ts'
import { ago, number, words } from '../words/language.ts'
import { Icon } from './icon.tsx'

/** Always there: whether anybody hears us, how old the list is that we would judge by, and how many scans wait. */
export function StatusBar() {
  const { status } = useScanner()
  const t = words.value.status
  const { connection, snapshotAt, pending, conflicts, setAside } = status.value
  const now = useNow(connection === 'live' ? 10_000 : 1000)
  const oldMs = now - (snapshotAt ?? now)
  const age = connection === 'live' || oldMs < 2000 ? t.now : ago(oldMs)
  return (
    <header class="status-bar" data-connection={connection}>
      <p>
        <span class="dot" aria-hidden="true" />
        {t[connection]}
      </p>
      <p>{snapshotAt === null ? t.noList : `${t.list}${age}`}</p>
      <p data-some={pending > 0}>
        {t.waiting}
        {number(pending)}
      </p>
      {conflicts.length > 0 && (
        <p class="alarm">
          <Icon name="warning" />
          {t.conflicts}
          {number(conflicts.length)}
        </p>
      )}
      {setAside.length > 0 && (
        <p class="alarm">
          <Icon name="warning" />
          {t.setAside}
          {number(setAside.length)}
        </p>
      )}
    </header>
  )
}

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
