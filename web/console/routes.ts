import type { ComponentType } from 'preact'
import type { IconName } from './parts/icon.tsx'
import type { Role } from './session.ts'
import type { Words } from './words/en.ts'

export type ScreenProps = { params: Record<string, string> }

/** A screen, its address, and where it stands in the navigation of an event. */
export type ScreenRoute = {
  /** Below `/console`, with `:name` for what changes. What begins with `/events/:eventId` stands inside that event. */
  path: string
  /** Fetched when it is first gone to. */
  load: () => Promise<{ default: ComponentType<ScreenProps> }>
  /** Of whom the server takes what the screen asks for; others are not shown the way to it. */
  role?: Role
  nav?: {
    /** Its word in `words.nav`. */
    label: keyof Words['nav']
    icon: IconName
    group: NavGroup
    /** On a phone it stands on the bar; the others are under “More”. At most four fit. */
    onBar?: boolean
  }
}

export const navGroups = ['now', 'tickets', 'doors', 'after'] as const
export type NavGroup = (typeof navGroups)[number]

/** Every screen. Within a group the navigation has this order. */
export const routes: readonly ScreenRoute[] = [
  { path: '/', load: () => import('./screens/events.tsx') },
  { path: '/new', load: () => import('./screens/new-event.tsx'), role: 'organiser' },
  {
    path: '/events/:eventId',
    load: () => import('./screens/live.tsx'),
    nav: { label: 'live', icon: 'live', group: 'now', onBar: true },
  },
]
