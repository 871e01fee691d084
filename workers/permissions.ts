import type { Role } from './access.ts'

/**
 * What a call is about, and so whose it is:
 * `event` and `organisation`: the one its path names; anybody else's is not found.
 * `caller`: whatever belongs to who is asking: a device's event, an organisation's events.
 * `deployment`: everything, for who deployed.
 * `link`: the ticket behind an address that cannot be guessed. `secret`: what the body brings says who may.
 * `public`: nothing that is anybody's.
 */
export type Scope = 'event' | 'organisation' | 'caller' | 'deployment' | 'link' | 'secret' | 'public'

/**
 * Who may make which call: the smallest role, null for no credential, and the scope. Each route says its role where it
 * stands, and says it here once more: a call opened to more people by a slip in one place does not start.
 */
export const permissions: Record<string, readonly [role: Role | null, scope: Scope]> = {
  // At the doors
  'POST /api/hp-scanner/validate-qr': ['scanner', 'caller'],
  'POST /api/scan/validate': ['scanner', 'caller'],
  'GET /api/hp-scanner/scans/{scanId}': ['scanner', 'caller'],
  'POST /api/hp-scanner/scans/{scanId}/annul': ['scanner', 'caller'],
  'POST /api/hp-scanner/offline-sync': ['scanner', 'caller'],
  'POST /api/hp-scanner/walk-in': ['scanner', 'caller'],
  'POST /api/hp-scanner/sessions': ['scanner', 'caller'],
  'POST /api/hp-scanner/sessions/{sessionId}/end': ['scanner', 'caller'],
  'GET /api/hp-scanner/search/{eventId}': ['scanner', 'event'],
  'GET /api/hp-scanner/snapshot/{eventId}': ['scanner', 'event'],
  'GET /api/hp-scanner/snapshot/{eventId}/people': ['supervisor', 'event'],

  // Devices
  'POST /api/devices/enrol': [null, 'secret'],
  'POST /api/devices/token': [null, 'secret'],
  'POST /api/events/{eventId}/enrolments': ['supervisor', 'event'],
  'GET /api/events/{eventId}/devices': ['supervisor', 'event'],
  'GET /api/events/{eventId}/devices/{deviceId}': ['supervisor', 'event'],
  'POST /api/events/{eventId}/devices/{deviceId}/revoke': ['supervisor', 'event'],
  'POST /api/events/{eventId}/devices/{deviceId}/unblock': ['supervisor', 'event'],

  // Listening
  'POST /api/hp-scanner/live-tickets': ['viewer', 'caller'],
  'GET /api/hp-scanner/live/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/stream/{eventId}': ['viewer', 'event'],
  'GET /api/events/{eventId}/alerts': ['supervisor', 'event'],
  'GET /api/events/{eventId}/conflicts': ['supervisor', 'event'],
  'POST /api/events/{eventId}/conflicts/{conflictId}/handle': ['supervisor', 'event'],
  'POST /api/events/{eventId}/conflicts/{conflictId}/reopen': ['supervisor', 'event'],

  // Tickets
  'POST /api/events/{eventId}/tickets': ['organiser', 'event'],
  'GET /api/events/{eventId}/tickets': ['supervisor', 'event'],
  'GET /api/events/{eventId}/tickets/{ticketId}': ['supervisor', 'event'],
  'POST /api/events/{eventId}/tickets/{ticketId}/revoke': ['supervisor', 'event'],
  'POST /api/events/{eventId}/tickets/{ticketId}/restore': ['supervisor', 'event'],
  'POST /api/events/{eventId}/tickets/{ticketId}/block': ['supervisor', 'event'],
  'POST /api/events/{eventId}/tickets/{ticketId}/pay': ['supervisor', 'event'],
  'POST /api/events/{eventId}/tickets/{ticketId}/reissue': ['supervisor', 'event'],
  'DELETE /api/events/{eventId}/tickets/{ticketId}/holder': ['organiser', 'event'],
  'GET /api/events/{eventId}/erasures': ['organiser', 'event'],
  'GET /api/events/{eventId}/tickets/{ticketId}/qr': ['supervisor', 'event'],
  'POST /api/events/{eventId}/qr-cache/warm': ['organiser', 'event'],
  'GET /api/events/{eventId}/qr-cache': ['supervisor', 'event'],
  'DELETE /api/events/{eventId}/qr-cache': ['supervisor', 'event'],
  'DELETE /api/events/{eventId}/qr-cache/{ticketId}': ['supervisor', 'event'],
  'GET /api/events/{eventId}/sheet.pdf': ['organiser', 'event'],
  'GET /api/events/{eventId}/sheet.zip': ['organiser', 'event'],
  'POST /api/events/{eventId}/imports': ['organiser', 'event'],
  'GET /api/events/{eventId}/jobs': ['organiser', 'event'],
  'GET /api/events/{eventId}/jobs/{jobId}': ['organiser', 'event'],
  'GET /api/events/{eventId}/jobs/{jobId}/errors.csv': ['organiser', 'event'],

  // Numbers, reports, the log
  'GET /api/hp-scanner/analytics/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/analytics/{eventId}/series': ['viewer', 'event'],
  'GET /api/hp-scanner/staff-report/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/gate-report/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/stall-report/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/shift-report/{eventId}': ['supervisor', 'event'],
  'GET /api/hp-scanner/till-report/{eventId}': ['supervisor', 'event'],
  'GET /api/hp-scanner/summary/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/integrity/{eventId}': ['viewer', 'event'],
  'GET /api/hp-scanner/duplicate-attempts/{eventId}': ['viewer', 'event'],
  'GET /api/events/{eventId}/entries': ['viewer', 'event'],
  'GET /api/events/{eventId}/exports/tickets.csv': ['organiser', 'event'],
  'GET /api/events/{eventId}/exports/tickets.ndjson': ['organiser', 'event'],
  'GET /api/events/{eventId}/exports/entries.csv': ['viewer', 'event'],
  'GET /api/events/{eventId}/exports/entries.ndjson': ['viewer', 'event'],
  'GET /api/events/{eventId}/exports/duplicates.csv': ['viewer', 'event'],
  'GET /api/events/{eventId}/exports/duplicates.ndjson': ['viewer', 'event'],
  'GET /metrics': ['viewer', 'caller'],

  // What people changed
  'GET /api/events/{eventId}/audit': ['organiser', 'event'],
  'GET /api/events/{eventId}/exports/audit.csv': ['organiser', 'event'],
  'GET /api/events/{eventId}/exports/audit.ndjson': ['organiser', 'event'],
  'POST /api/organisations/{organisationId}/subject-access': ['organiser', 'organisation'],
  'POST /api/organisations/{organisationId}/erasures': ['organiser', 'organisation'],
  'GET /api/organisations/{organisationId}/audit': ['organiser', 'organisation'],
  'GET /api/organisations/{organisationId}/audit/integrity': ['organiser', 'organisation'],
  'GET /api/organisations/{organisationId}/exports/audit.csv': ['organiser', 'organisation'],
  'GET /api/organisations/{organisationId}/exports/audit.ndjson': ['organiser', 'organisation'],

  // Events and how they are set up
  'POST /api/events': ['organiser', 'caller'],
  'GET /api/events': ['viewer', 'caller'],
  'GET /api/events/{eventId}': ['viewer', 'event'],
  'PATCH /api/events/{eventId}': ['organiser', 'event'],
  'POST /api/events/{eventId}/close': ['organiser', 'event'],
  'PUT /api/events/{eventId}/ticket-types/{typeId}': ['organiser', 'event'],
  'GET /api/events/{eventId}/ticket-types': ['viewer', 'event'],
  'PUT /api/events/{eventId}/gates/{gateId}': ['organiser', 'event'],
  'GET /api/events/{eventId}/gates': ['viewer', 'event'],
  'GET /api/events/{eventId}/gates/{gateId}/stall-qr': ['supervisor', 'event'],
  'PUT /api/events/{eventId}/staff/{staffId}': ['organiser', 'event'],
  'GET /api/events/{eventId}/staff': ['supervisor', 'event'],
  'POST /api/events/{eventId}/rehearsals': ['organiser', 'event'],
  'GET /api/events/{eventId}/rehearsals': ['organiser', 'event'],
  'POST /api/events/{eventId}/rehearsals/{rehearsalId}/tickets': ['organiser', 'event'],
  'DELETE /api/events/{eventId}/rehearsals/{rehearsalId}': ['organiser', 'event'],
  'GET /api/events/{eventId}/code-formats': ['organiser', 'event'],
  'PUT /api/events/{eventId}/code-formats/{format}': ['organiser', 'event'],
  'DELETE /api/events/{eventId}/code-formats/{format}': ['organiser', 'event'],

  // Webhooks
  'PUT /api/events/{eventId}/webhooks/{webhookId}': ['organiser', 'event'],
  'GET /api/events/{eventId}/webhooks': ['organiser', 'event'],
  'GET /api/events/{eventId}/webhooks/{webhookId}': ['organiser', 'event'],
  'DELETE /api/events/{eventId}/webhooks/{webhookId}': ['organiser', 'event'],
  'POST /api/events/{eventId}/webhooks/{webhookId}/rotate-secret': ['organiser', 'event'],
  'POST /api/events/{eventId}/webhooks/{webhookId}/test': ['organiser', 'event'],
  'GET /api/events/{eventId}/webhooks/{webhookId}/deliveries': ['organiser', 'event'],
  'GET /api/events/{eventId}/webhooks/{webhookId}/deliveries/{deliveryId}': ['organiser', 'event'],
  'POST /api/events/{eventId}/webhooks/{webhookId}/replay-failed': ['organiser', 'event'],
  'POST /api/events/{eventId}/webhooks/{webhookId}/deliveries/{deliveryId}/replay': ['organiser', 'event'],

  // Organisations and signing in
  'POST /api/organisations': ['admin', 'deployment'],
  'GET /api/organisations': ['admin', 'deployment'],
  'POST /api/organisations/{organisationId}/keys': ['organiser', 'organisation'],
  'GET /api/organisations/{organisationId}/keys': ['organiser', 'organisation'],
  'DELETE /api/organisations/{organisationId}/keys/{keyId}': ['organiser', 'organisation'],
  'POST /api/organisations/{organisationId}/members': ['organiser', 'organisation'],
  'GET /api/organisations/{organisationId}/members': ['organiser', 'organisation'],
  'DELETE /api/organisations/{organisationId}/members/{memberId}': ['organiser', 'organisation'],
  'POST /api/session': [null, 'secret'],
  'GET /api/session': ['viewer', 'caller'],
  'DELETE /api/session': [null, 'public'],

  // Attendees, and whoever asks how we are
  'GET /t/{ref}': [null, 'link'],
  'GET /t/{ref}/code': [null, 'link'],
  'GET /t/{ref}/event.ics': [null, 'link'],
  'POST /t/{ref}/visits': [null, 'link'],
  'GET /qr/{ref}.svg': [null, 'link'],
  'GET /qr/{ref}.png': [null, 'link'],
  'GET /api/hp-scanner/health': [null, 'public'],
}

type Listed = { method: string; path: string; role: Role | null }

/** What a call is called in the table. */
export function nameOfCall({ method, path }: Pick<Listed, 'method' | 'path'>): string {
  return `${method.toUpperCase()} ${path}`
}

/** Takes the routes; throws, naming each, where one has no row, another role than its row, or a row has no route. */
export function checkPermissions(routes: readonly Listed[]): void {
  const names = new Set(routes.map(nameOfCall))
  const faults = [
    ...routes.flatMap((route) => faultsOf(route).map((fault) => `${nameOfCall(route)} ${fault}`)),
    ...Object.keys(permissions)
      .filter((name) => !names.has(name))
      .map((name) => `${name} stands in the table and is no route`),
  ]
  if (faults.length > 0) throw new Error(`workers/permissions.ts: ${faults.join('; ')}`)
}

function faultsOf(route: Listed): string[] {
  const row = Object.hasOwn(permissions, nameOfCall(route)) ? permissions[nameOfCall(route)] : undefined
  if (row === undefined) return ['has no row']
  const [role, scope] = row
  return [
    ...(role === route.role ? [] : [`is for ${route.role ?? 'anybody'}, and its row says ${role ?? 'anybody'}`]),
    ...(scope === scopeOfPath(route.path, scope) ? [] : [`names what is not of the scope ${scope}`]),
  ]
}

/** A path that names an event is about this event, and so on. The others may be about anything else. */
function scopeOfPath(path: string, otherwise: Scope): Scope | null {
  if (path.includes('{eventId}')) return 'event'
  if (path.includes('{organisationId}')) return 'organisation'
  if (path.includes('{ref}')) return 'link'
  return ['event', 'organisation', 'link'].includes(otherwise) ? null : otherwise
}
