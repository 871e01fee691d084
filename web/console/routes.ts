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

export const navGroups = ['now', 'tickets', 'doors', 'after', 'setup'] as const
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
  {
    path: '/events/:eventId/tickets',
    load: () => import('./screens/tickets.tsx'),
    role: 'supervisor',
    nav: { label: 'tickets', icon: 'ticket', group: 'tickets', onBar: true },
  },
  {
    path: '/events/:eventId/tickets/:ticketId',
    load: () => import('./screens/ticket.tsx'),
    role: 'supervisor',
  },
  {
    path: '/events/:eventId/import',
    load: () => import('./screens/import.tsx'),
    role: 'organiser',
    nav: { label: 'import', icon: 'import', group: 'tickets' },
  },
  {
    path: '/events/:eventId/ticket-types',
    load: () => import('./screens/ticket-types.tsx'),
    nav: { label: 'types', icon: 'type', group: 'tickets' },
  },
  {
    path: '/events/:eventId/gates',
    load: () => import('./screens/gates.tsx'),
    nav: { label: 'gates', icon: 'gate', group: 'doors' },
  },
  {
    path: '/events/:eventId/staff',
    load: () => import('./screens/staff.tsx'),
    role: 'supervisor',
    nav: { label: 'staff', icon: 'people', group: 'doors' },
  },
  {
    path: '/events/:eventId/devices',
    load: () => import('./screens/devices.tsx'),
    role: 'supervisor',
    nav: { label: 'devices', icon: 'device', group: 'doors', onBar: true },
  },
  {
    path: '/events/:eventId/devices/:deviceId',
    load: () => import('./screens/device.tsx'),
    role: 'supervisor',
  },
  {
    path: '/events/:eventId/entries',
    load: () => import('./screens/entries.tsx'),
    nav: { label: 'entries', icon: 'clock', group: 'now' },
  },
  {
    path: '/events/:eventId/alerts',
    load: () => import('./screens/alerts.tsx'),
    role: 'supervisor',
    nav: { label: 'alerts', icon: 'conflict', group: 'now' },
  },
  {
    path: '/events/:eventId/duplicates',
    load: () => import('./screens/duplicates.tsx'),
    nav: { label: 'duplicates', icon: 'twice', group: 'after' },
  },
  {
    path: '/events/:eventId/conflicts',
    load: () => import('./screens/conflicts.tsx'),
    role: 'supervisor',
    nav: { label: 'conflicts', icon: 'conflict', group: 'after' },
  },
  {
    path: '/events/:eventId/reports',
    load: () => import('./screens/reports.tsx'),
    nav: { label: 'reports', icon: 'report', group: 'after', onBar: true },
  },
  {
    path: '/events/:eventId/integrity',
    load: () => import('./screens/integrity.tsx'),
    nav: { label: 'integrity', icon: 'check', group: 'after' },
  },
  {
    path: '/events/:eventId/settings',
    load: () => import('./screens/settings.tsx'),
    role: 'organiser',
    nav: { label: 'settings', icon: 'settings', group: 'setup' },
  },
  {
    path: '/events/:eventId/code-formats',
    load: () => import('./screens/code-formats.tsx'),
    role: 'organiser',
    nav: { label: 'codeFormats', icon: 'lock', group: 'setup' },
  },
  {
    path: '/events/:eventId/webhooks',
    load: () => import('./screens/webhooks.tsx'),
    role: 'organiser',
    nav: { label: 'webhooks', icon: 'cloud', group: 'setup' },
  },
  {
    path: '/events/:eventId/audit',
    load: () => import('./screens/audit.tsx'),
    role: 'organiser',
    nav: { label: 'audit', icon: 'clock', group: 'after' },
  },
  {
    path: '/organisations/:organisationId/audit',
    load: () => import('./screens/audit.tsx'),
    role: 'organiser',
  },
  {
    path: '/organisations/:organisationId/keys',
    load: () => import('./screens/keys.tsx'),
    role: 'organiser',
  },
  {
    path: '/organisations/:organisationId/members',
    load: () => import('./screens/members.tsx'),
    role: 'organiser',
  },
  { path: '/organisations', load: () => import('./screens/organisations.tsx'), role: 'admin' },
]
