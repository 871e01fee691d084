import { OpenAPIHono } from '@hono/zod-openapi'
import { log } from '../durable-objects/logging.ts'
import { sayUsual } from './answer.ts'
import { describeRoute, description } from './description.ts'
import { serveDocs } from './docs-page.ts'
import { healthRoute } from './health.ts'
import { servePages } from './pages.ts'
import { checkPermissions } from './permissions.ts'
import { problemResponse } from './problems.ts'
import { qrRoutes } from './qr-image.ts'
import { logRequest, newContext, type Routed } from './request-log.ts'
import type { Route } from './route.ts'
import { analyticsRoutes } from './routes/analytics.ts'
import { auditRoutes } from './routes/audit.ts'
import { deviceRoutes } from './routes/devices.ts'
import { doorRoutes } from './routes/door.ts'
import { entryRoutes } from './routes/entries.ts'
import { erasureRoutes } from './routes/erasures.ts'
import { eventRoutes } from './routes/events.ts'
import { exportRoutes } from './routes/exports.ts'
import { formatRoutes } from './routes/formats.ts'
import { importRoutes } from './routes/imports.ts'
import { integrityRoutes } from './routes/integrity.ts'
import { jobRoutes } from './routes/jobs.ts'
import { liveRoutes } from './routes/live.ts'
import { memberRoutes } from './routes/members.ts'
import { metricsRoute } from './routes/metrics.ts'
import { organisationRoutes } from './routes/organisations.ts'
import { qrCacheRoutes } from './routes/qr-cache.ts'
import { rehearsalRoutes } from './routes/rehearsals.ts'
import { reportRoutes } from './routes/reports.ts'
import { scanRoutes } from './routes/scans.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { sheetRoutes } from './routes/sheets.ts'
import { snapshotRoutes } from './routes/snapshots.ts'
import { stallRoutes } from './routes/stalls.ts'
import { subjectRoutes } from './routes/subjects.ts'
import { syncRoutes } from './routes/sync.ts'
import { ticketRoutes } from './routes/tickets.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { notHere, ticketPageRoutes } from './ticket-page.ts'
import { isUnavailable } from './unavailable.ts'

/** Every call of the API. What a call takes, who may make it and what it does stand in one place each. */
export const routes: readonly Route[] = [
  ...scanRoutes, // workers/routes/scans.ts: validate-qr, the answer by scanId
  ...doorRoutes, // workers/routes/door.ts: annul, search, walk-in, shifts, till
  ...liveRoutes, // workers/routes/live.ts: the live socket and stream, one-time tickets for them, alerts
  ...syncRoutes, // workers/routes/sync.ts: what gates did while they were cut off, conflicts
  ...snapshotRoutes, // workers/routes/snapshots.ts: what a device carries to judge alone
  ...stallRoutes, // workers/routes/stalls.ts: a stall's own QR code, visits
  ...deviceRoutes, // workers/routes/devices.ts: enrolments, devices, staff tokens
  ...ticketRoutes, // workers/routes/tickets.ts: issue, list, show, revoke, restore, reissue, block, pay
  ...analyticsRoutes, // workers/routes/analytics.ts: live statistics, series
  ...reportRoutes, // workers/routes/reports.ts: by staff, by gate, the summary
  ...importRoutes, // workers/routes/imports.ts: a CSV file becomes a job
  ...jobRoutes, // workers/routes/jobs.ts: how far a job is, what failed in it
  ...integrityRoutes, // workers/routes/integrity.ts: every invariant, checked anew
  ...entryRoutes, // workers/routes/entries.ts: the log, duplicates
  ...auditRoutes, // workers/routes/audit.ts: what people and their keys changed
  ...erasureRoutes, // workers/routes/erasures.ts: erase a person, and who was
  ...subjectRoutes, // workers/routes/subjects.ts: a person in all events, to show or to erase
  ...exportRoutes, // workers/routes/exports.ts: tickets, entries and duplicates as CSV and NDJSON
  ...formatRoutes, // workers/routes/formats.ts: which of other people's code formats are switched on
  ...eventRoutes, // workers/routes/events.ts: events, ticket types, gates, staff
  ...rehearsalRoutes, // workers/routes/rehearsals.ts: a copy of an event to rehearse on
  ...webhookRoutes, // workers/routes/webhooks.ts: webhooks, their deliveries, replay, a test
  ...sessionRoutes, // workers/routes/sessions.ts: signing in with a browser
  ...organisationRoutes, // workers/routes/organisations.ts: organisations and their keys
  ...memberRoutes, // workers/routes/members.ts: who may sign in through Cloudflare Access
  ...qrCacheRoutes, // workers/routes/qr-cache.ts: statistics, clearing
  ...qrRoutes, // workers/qr-image.ts: images, on itty-router
  ...sheetRoutes, // workers/routes/sheets.ts: tickets on paper, as PDF and as images
  ...ticketPageRoutes, // workers/ticket-page.ts: the attendee's page, its code of the moment, the calendar
  healthRoute, // workers/health.ts
  metricsRoute, // workers/routes/metrics.ts: for Prometheus
]

// A route without a row in the table of who may do what does not start.
checkPermissions(routes)

export const app = new OpenAPIHono<Routed>()

app.use(async (c, next) => {
  const context = newContext(c.req.raw)
  c.set('context', context)
  await next()
  // A socket's answer is passed on as it is: a copy of it would have lost the socket.
  if (c.res.status !== 101) {
    sayUsual(c.res)
    c.res.headers.set('X-Request-Id', context.requestId)
  }
  logRequest(context, c.req.method, c.env, c.res.status)
})

for (const route of routes) {
  // A file's ending is looked at behind the router: one pattern with an ending in it would take the whole table away
  // from Hono's fastest matcher.
  app.on(route.method, route.path.replace(/\{(\w+)\}(\.\w+)?/g, ':$1'), (c) => {
    const context = c.get('context')
    context.route = route.path
    const params = route.path.includes('{') ? c.req.param() : {}
    return route.handle(c.req.raw, c.env, c.executionCtx as ExecutionContext, params, context)
  })
  app.openAPIRegistry.registerPath(describeRoute(route))
}
app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })

app.get('/openapi.json', (c) => c.json(app.getOpenAPI31Document(description)))
app.get('/docs', () => serveDocs(routes, app.getOpenAPI31Document(description)))
servePages(app) // workers/pages.ts: what web/ builds
app.get('/', (c) => c.redirect('/console'))

app.notFound((c) => (c.req.path.startsWith('/api/') ? problemResponse('not_found') : notHere(c.req.raw)))

app.onError((error, c) => {
  const { requestId, route, eventId } = c.get('context')
  log('error', 'a request failed', { requestId, ...(route ? { route } : {}), ...(eventId ? { eventId } : {}), error })
  return problemResponse(isUnavailable(error) ? 'unavailable' : 'internal')
})
