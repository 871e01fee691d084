import { signal } from '@preact/signals'
import { en, type Words } from './en.ts'

/**
 * What the console says. Another language is a table beside `en.ts` with the same keys. Screens take their words when they
 * are first opened, so it is chosen here, before any of them.
 */
export const words = signal<Words>(en)

/** The language as it is spoken where this browser is: that decides how numbers and times are written. */
const locale = navigator.languages.find((tag) => tag.split('-')[0] === 'en') ?? 'en'

const plain = new Intl.NumberFormat(locale)
// The live view says many of them four times a second, and making one takes long.
const inPercent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 })
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'short' })
const formats = new Map<string, Intl.DateTimeFormat>()

function format(timezone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = timezone + JSON.stringify(options)
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale, { ...options, timeZone: timezone })
  formats.set(key, known)
  return known
}

export function number(value: number): string {
  return plain.format(value)
}

/** How long something took. The platform's clock goes in whole milliseconds, so less than one is all that is known. */
export function milliseconds(value: number): string {
  return value < 1 ? '< 1 ms' : `${plain.format(Math.round(value * 10) / 10)} ms`
}

export function percent(share: number): string {
  return inPercent.format(share)
}

/** The time of day in the event's zone, to the second. */
export function exactTime(at: number | string, timezone: string): string {
  return format(timezone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(at))
}

export function timeOfDay(at: number | string, timezone: string): string {
  return format(timezone, { hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

/** The day with its time in the event's zone. */
export function moment(at: number | string, timezone: string): string {
  return format(timezone, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))
}

export function day(at: number | string, timezone: string): string {
  return format(timezone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(at))
}

/** From when to when, in the event's zone, without saying the same twice. */
export function span(from: number | string, to: number | string, timezone: string): string {
  const { formatRange } = Intl.DateTimeFormat.prototype
  return formatRange.call(
    format(timezone, {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
    }),
    new Date(from),
    new Date(to),
  )
}

/** How long ago, in the largest unit that says enough. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds === 0) return words.peek().common.justNow
  if (seconds < 90) return relative.format(-seconds, 'second')
  if (seconds < 5400) return relative.format(-Math.round(seconds / 60), 'minute')
  if (seconds < 129_600) return relative.format(-Math.round(seconds / 3600), 'hour')
  return relative.format(-Math.round(seconds / 86_400), 'day')
}

/** Minor units, as everywhere. */
export function money(amount: number, currency: string | null): string {
  if (!currency) return plain.format(amount / 100)
  const written = new Intl.NumberFormat(locale, { style: 'currency', currency })
  return written.format(amount / 10 ** (written.resolvedOptions().maximumFractionDigits ?? 2))
}
