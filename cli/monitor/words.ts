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
  const gate = occasion.gates.find(({ id }) => id === details.gateId)?.name ?? of('gateId')
  const device = of('deviceId').slice(0, 8) || 'several devices'
  switch (kind) {
    case 'device.blocked':
      return `device ${device} is blocked: it showed too many codes that were none`
    case 'device.duplicates':
      return `device ${device} showed ${of('count')} duplicates in five minutes`
    case 'device.silent':
      return `device ${device} has fallen silent`
    case 'device.clock_skew':
      return `the clock of device ${device} is wrong by ${Math.round(Number(details.skewMs) / 1000)} s`
    case 'zone.nearly_full':
    case 'zone.full':
      return `zone ${of('zone')} is ${kind === 'zone.full' ? 'full' : 'nearly full'}: ${of('inside')} of ${of('capacity')}`
    case 'outbox.lagging':
      return 'the reports are behind; entry goes on'
    case 'webhook.disabled':
      return `webhook ${of('webhookId')} was given up`
    case 'scan.conflict':
      return `${harmless(gate)} showed ${of('shown')}, judged is ${of('judged')}`
    default:
      return [
        kind,
        ...Object.entries(details).map(([name, value]) => `${name} ${harmless(JSON.stringify(value))}`),
      ].join(', ')
  }
}

/** The time of day on the wall of the event. */
export function clockOf(timezone: string): (instant: string | number) => string {
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: timezone })
  return (instant) => clock.format(typeof instant === 'number' ? instant : Date.parse(instant))
}
