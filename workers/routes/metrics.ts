import type { EventId } from '../../core/ids.ts'
import { latencyOfBucket } from '../../core/tally.ts'
import { log } from '../../durable-objects/logging.ts'
import type { Measured } from '../../durable-objects/measuring.ts'
import { currentEvents } from '../db/directory.ts'
import { Exposition } from '../exposition.ts'
import { askGatekeeperAlone } from '../gatekeepers.ts'
import { componentsNow } from '../health.ts'
import { type MetricName, metricKinds } from '../metric-kinds.ts'
import { roleRequired } from '../problems.ts'
import { type Call, route } from '../route.ts'
import { VERSION } from '../version.ts'

/** Events measured in one scrape: each is a call to its Gatekeeper, and a set of lines that is kept for years. */
const MOST_EVENTS = 50
const AT_ONCE = 10

/** A Gatekeeper that takes longer counts as not answering; the scrape goes on without it. */
const TIME_CAP_MS = 2000

/** Seconds. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export const metricsRoute = route({
  method: 'get',
  path: '/metrics',
  summary: "Measurements for Prometheus, of the organisation's current events (text, outside the envelope)",
  tag: 'Reports',
  role: 'viewer',
  handle: serveMetrics,
})

type Metrics = Exposition<MetricName>

async function serveMetrics({ env, caller, actor, at }: Call<unknown, unknown>): Promise<Response> {
  if (caller.kind === 'device') return roleRequired('viewer')
  const metrics: Metrics = new Exposition(metricKinds)
  metrics.add('admit_build_info', { version: VERSION }, 1)
  const components = await componentsNow(env, at)
  for (const [component, state] of Object.entries(components)) {
    metrics.add('admit_component_up', { component }, state === 'operational' ? 1 : 0)
  }
  const organisationId = caller.kind === 'organisation' ? caller.organisationId : null
  // Without D1 nobody knows which events there are; that it is away stands above.
  const found = components.d1 === 'down' ? [] : await currentEvents(env.DB, organisationId, at, MOST_EVENTS + 1)
  const events = found.slice(0, MOST_EVENTS)
  metrics.add('admit_events', {}, events.length)
  metrics.add('admit_events_left_out', {}, found.length > MOST_EVENTS ? 1 : 0)
  const measure = (event: EventId) =>
    inTime(askGatekeeperAlone(env, event, (gatekeeper) => gatekeeper.measure(actor))).then((result) =>
      result?.ok ? result.value : null,
    )
  for (const [event, measured] of await measureAll(events, measure)) addEvent(metrics, event, measured, at)
  return new Response(metrics.text(), { headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' } })
}

async function measureAll(events: EventId[], measure: (event: EventId) => Promise<Measured | null>) {
  const results = new Map<EventId, Measured | null>(events.map((event) => [event, null]))
  const left = events.values()
  const worker = async () => {
    for (const event of left) results.set(event, await measure(event))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

/** Gives the answer, or null where there is none in time. */
async function inTime<T>(answer: Promise<T>): Promise<T | null> {
  const known = answer.catch((error: unknown) => {
    log('warn', 'metrics: a Gatekeeper did not answer', { error })
    return null
  })
  return Promise.race([known, scheduler.wait(TIME_CAP_MS).then(() => null)])
}

function addEvent(metrics: Metrics, event: EventId, measured: Measured | null, at: number): void {
  metrics.add('admit_gatekeeper_up', { event }, measured === null ? 0 : 1)
  if (measured === null) return
  metrics.add('admit_event_info', { event, title: measured.title }, 1)
  addDoors(metrics, event, measured)
  addLatency(metrics, event, measured.latency)
  const { pending, pendingSince } = measured
  metrics.add('admit_outbox_pending_entries', { event }, pending)
  metrics.add('admit_outbox_lag_seconds', { event }, pendingSince === null ? 0 : secondsBetween(pendingSince, at))
  for (const [state, count] of Object.entries(measured.devices)) metrics.add('admit_devices', { event, state }, count)
  for (const { kind, state, count } of measured.jobs) metrics.add('admit_jobs', { event, kind, state }, count)
  for (const [kind, n] of Object.entries(measured.notices)) metrics.add('admit_notices_total', { event, kind }, n)
  for (const webhook of measured.webhooks) addWebhook(metrics, event, webhook, at)
}

function addDoors(metrics: Metrics, event: EventId, measured: Measured): void {
  for (const [verdict, count] of Object.entries(measured.verdicts)) {
    if (verdict !== 'refused') metrics.add('admit_entries_total', { event, verdict, code: '' }, count)
  }
  for (const [code, count] of Object.entries(measured.refused)) {
    metrics.add('admit_entries_total', { event, verdict: 'refused', code }, count)
  }
  metrics.add('admit_offline_scans_total', { event }, measured.offline)
  metrics.add('admit_admitted_people', { event }, measured.admittedPeople)
  metrics.add('admit_admitted_tickets', { event }, measured.admittedTickets)
  for (const { id: gate, admitted } of measured.gates) {
    metrics.add('admit_gate_admitted_people', { event, gate }, admitted)
  }
  for (const { id: zone, inside, capacity } of measured.zones) {
    metrics.add('admit_inside_people', { event, zone }, inside)
    if (capacity !== null) metrics.add('admit_zone_capacity_people', { event, zone }, capacity)
  }
}

function addLatency(metrics: Metrics, event: EventId, latency: Record<string, number>): void {
  const scans = Object.entries(latency).map(([bucket, count]) => ({
    seconds: latencyOfBucket(Number(bucket)) / 1000,
    count,
  }))
  const upTo = LATENCY_BOUNDS.map((bound) => ({
    bound,
    count: sumOf(scans.filter(({ seconds }) => seconds <= bound).map(({ count }) => count)),
  }))
  const sum = sumOf(scans.map(({ seconds, count }) => seconds * count))
  const count = sumOf(scans.map((one) => one.count))
  metrics.addHistogram('admit_validation_seconds', { event }, upTo, count, sum)
}

function addWebhook(metrics: Metrics, event: EventId, webhook: Measured['webhooks'][number], at: number): void {
  const labels = { event, webhook: webhook.id }
  for (const state of ['pending', 'failed'] as const) {
    metrics.add('admit_webhook_deliveries', { ...labels, state }, webhook[state])
  }
  metrics.add('admit_webhook_behind_entries', labels, webhook.behind)
  const since = webhook.failingSince
  metrics.add('admit_webhook_failing_seconds', labels, since === null ? 0 : secondsBetween(since, at))
  metrics.add('admit_webhook_disabled', labels, webhook.state === 'disabled' ? 1 : 0)
}

function secondsBetween(from: number, to: number): number {
  return Math.max(0, (to - from) / 1000)
}

function sumOf(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}
