import type { MetricKind } from './exposition.ts'

/** Every metric that `/metrics` has. The dashboard and the alert rules in `docs/observability/` use these names. */
export const metricKinds = {
  admit_build_info: { type: 'gauge', help: 'Always 1; the version that runs is in the label.' },
  admit_component_up: { type: 'gauge', help: 'Whether a component answers: gatekeeper, d1 or kv.' },
  admit_events: { type: 'gauge', help: 'Events that are on, give or take a day, and are measured here.' },
  admit_events_left_out: { type: 'gauge', help: 'Whether there are more events than are measured in one scrape.' },
  admit_event_info: { type: 'gauge', help: 'Always 1; the title of the event is in the label.' },
  admit_gatekeeper_up: { type: 'gauge', help: 'Whether the Gatekeeper of the event answered in time.' },
  admit_entries_total: { type: 'counter', help: 'Entries of the log by verdict, and by code where refused.' },
  admit_offline_scans_total: { type: 'counter', help: 'Scans that a device judged alone.' },
  admit_admitted_people: { type: 'gauge', help: 'People admitted, less those whose admission was taken back.' },
  admit_admitted_tickets: { type: 'gauge', help: 'Tickets admitted at least once, counted once a zone.' },
  admit_gate_admitted_people: { type: 'gauge', help: 'People admitted at a gate, less those taken back.' },
  admit_inside_people: { type: 'gauge', help: 'People inside a zone now.' },
  admit_zone_capacity_people: { type: 'gauge', help: 'People that a zone has room for, where that is set.' },
  admit_validation_seconds: { type: 'histogram', help: 'Time spent deciding a scan, right to 2.5 percent.' },
  admit_outbox_pending_entries: { type: 'gauge', help: 'Entries of the log that D1 has not been told of.' },
  admit_outbox_lag_seconds: { type: 'gauge', help: 'Age of the oldest entry that D1 has not been told of.' },
  admit_devices: { type: 'gauge', help: 'Devices of the event by state: enrolled or revoked.' },
  admit_jobs: { type: 'gauge', help: 'The newest long pieces of work by kind and state.' },
  admit_notices_total: { type: 'counter', help: 'What happened beside the log, by kind: zone.full, scan.conflict …' },
  admit_webhook_deliveries: { type: 'gauge', help: 'Deliveries of a webhook that are pending or were given up.' },
  admit_webhook_behind_entries: { type: 'gauge', help: 'Entries of the log that a webhook has not come to yet.' },
  admit_webhook_failing_seconds: { type: 'gauge', help: 'How long an endpoint has answered nothing but failures.' },
  admit_webhook_disabled: { type: 'gauge', help: 'Whether a webhook was given up.' },
} as const satisfies Record<string, MetricKind>

export type MetricName = keyof typeof metricKinds
