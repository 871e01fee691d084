import type { WireEntry } from '../../core/wire-entry.ts'
import { harmless } from '../terminal/text.ts'
import type { Occasion, Worry } from './view.ts'

/** What became of a scan, in two or three words. */
export function verdictWords({
  verdict,
  code,
  forced,
  offline,
  people,
  duplicateAttemptNumber,
  annulledAt,
}: WireEntry): string {
  const marks = [
    people > 1 && `${people} people`,
    duplicateAttemptNumber !== null && `shown ${duplicateAttemptNumber} times`,
    forced && 'forced',
    offline && 'without a network',
    annulledAt !== null && 'taken back',
  ].filter((mark) => mark !== false)
  return [(code ?? verdict).replaceAll('_', ' '), ...marks].join(', ')
}

/** What there is to look at, as a sentence without its end. */
export function worryWords({ kind, details }: Worry, occasion: Occasion): string {
  const of = (name: string) => harmless(String(details[name] ?? ''))
  const gate = nameOf(occasion.gates, of('gateId'))
  const device = nameOf(occasion.devices, of('deviceId'))
  switch (kind) {
    case 'device.blocked':
      return `${device} is blocked: it showed too many codes that were none`
    case 'device.duplicates':
      return `${device} showed ${of('count')} duplicates in five minutes`
    case 'device.silent':
      return `${silentDevices(details, device)} fallen silent`
    case 'device.clock_skew':
      return `the clock of ${device} is wrong by ${Math.round(Number(details.skewMs) / 1000)} s`
    case 'device.refusing':
      return `${device} refuses ${percent(details.share)} of its scans, its neighbours ${percent(details.usual)}`
    case 'device.misused':
      return `somebody uses the credentials of ${device} who should not (${of('because').replaceAll('_', ' ')})`
    case 'gate.surge':
      return `${gate} has ${of('scans')} scans a minute, and usually ${of('usual')}`
    case 'ticket.many_gates': {
      const gates = Array.isArray(details.gateIds) ? details.gateIds.length : 'many'
      return `ticket ${of('ticketId').slice(-8)} was shown at ${gates} gates`
    }
    case 'zone.nearly_full':
      return `zone ${of('zone')} is nearly full: ${of('inside')} of ${of('capacity')}`
    case 'zone.full':
      return `zone ${of('zone')} is full: ${of('inside')} of ${of('capacity')}`
    case 'outbox.lagging':
      return 'the reports are behind; entry goes on'
    case 'webhook.disabled':
      return `webhook ${of('webhook')} was given up`
    case 'scan.conflict':
      return `${gate} showed ${of('shown').replaceAll('_', ' ')}, judged is ${of('judged').replaceAll('_', ' ')}`
  }
}

function nameOf(all: { id: string; name: string }[], id: string): string {
  const name = all.find((one) => one.id === id)?.name
  return name === undefined ? id.slice(0, 8) : harmless(name)
}

function silentDevices({ deviceIds }: Worry['details'], first: string): string {
  const count = Array.isArray(deviceIds) ? deviceIds.length : 1
  if (count === 1) return `${first} has`
  return count === 2 ? `${first} and another device have` : `${first} and ${count - 1} other devices have`
}

function percent(share: unknown): string {
  return `${Math.round(100 * Number(share))} %`
}

/** The time of day on the wall of the event. */
export function clockOf(timezone: string): (instant: string | number) => string {
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: timezone })
  return (instant) => clock.format(typeof instant === 'number' ? instant : Date.parse(instant))
}
