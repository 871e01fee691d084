import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { EventDetails } from './things.ts'

/** The event that a screen stands in. */
export type EventSource = {
  event: EventDetails
  /** Where its calls begin: `/api/events/…`. */
  path: string
  /** Where its screens begin: `/events/…`. */
  home: string
  /** Fetches it anew, after something of it was changed. */
  reload: () => void
  /** Takes it as a call just gave it. */
  set: (event: EventDetails) => void
}

export const EventContext = createContext<EventSource | null>(null)

export function useEvent(): EventSource {
  const source = useContext(EventContext)
  if (!source) throw new Error('this screen stands outside any event')
  return source
}
