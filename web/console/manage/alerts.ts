import type { WireAlert } from '../../../core/alerts.ts'
import type { Misuse } from '../../../core/webhooks.ts'
import { ago, number, percent, timeOfDay, words } from '../words/language.ts'

export type Alert = WireAlert

type Names = { device: (id: string) => string; gate: (id: string) => string; zone: (id: string) => string }
type Subject = { name: string; to?: string }

/** Takes an alert; gives whom or what it is about, with the way there. */
export function subjectsOf(alert: Alert, names: Names, home: string): Subject[] {
  const text = (field: string) => (typeof alert[field] === 'string' ? (alert[field] as string) : null)
  const texts = (field: string) => (Array.isArray(alert[field]) ? (alert[field] as string[]) : [])
  const toDevice = (id: string) => ({ name: names.device(id), to: `${home}/devices/${encodeURIComponent(id)}` })
  const [deviceId, gateId, zone, ticketId] = [text('deviceId'), text('gateId'), text('zone'), text('ticketId')]
  const devices = texts('deviceIds')
  return [
    ...(devices.length > 0 ? devices.map(toDevice) : deviceId ? [toDevice(deviceId)] : []),
    ...(gateId ? [{ name: names.gate(gateId), to: `${home}/entries?gate=${encodeURIComponent(gateId)}` }] : []),
    ...(zone ? [{ name: names.zone(zone) }] : []),
    ...(ticketId ? [{ name: `…${ticketId.slice(-6)}`, to: `${home}/tickets/${ticketId}` }] : []),
    ...texts('gateIds').map((id) => ({ name: names.gate(id) })),
    ...(alert.kind === 'scan.conflict' ? [{ name: words.value.alerts.toConflicts, to: `${home}/conflicts` }] : []),
    ...(text('webhook') ? [{ name: text('webhook') as string, to: `${home}/webhooks` }] : []),
  ]
}

/** Takes an alert; gives its numbers in words. */
export function detailsOf(alert: Alert, timezone: string): string {
  const t = words.value.alerts
  const count = (field: string) => number(Number(alert[field] ?? 0))
  const share = (field: string) => percent(Number(alert[field] ?? 0))
  const since = (field: string) => ago(Date.parse(alert.at) - Date.parse(String(alert[field])))
  switch (alert.kind) {
    case 'gate.surge':
      return t.surge(count('scans'), count('usual'), count('limit'))
    case 'device.refusing':
      return t.refusing(share('share'), share('usual'), share('limit'))
    case 'ticket.many_gates':
      return t.manyGates(count('scans'), (alert.gateIds as string[]).join(', '))
    case 'device.blocked':
      return t.blockedUntil(timeOfDay(String(alert.blockedUntil), timezone))
    case 'device.duplicates':
      return t.duplicates(count('count'))
    case 'device.silent':
      return t.silent(since('lastSeenAt'), count('pending'))
    case 'device.clock_skew':
      return t.skew(number(Math.round(Number(alert.skewMs) / 1000)))
    case 'device.misused':
      return t.misused[alert.because as Misuse]
    case 'zone.nearly_full':
    case 'zone.full':
      return t.inside(count('inside'), count('capacity'))
    case 'outbox.lagging':
      return t.lagging(count('pending'), since('since'))
    case 'webhook.disabled':
    case 'scan.conflict':
      return ''
  }
}
