import { computed, signal } from '@preact/signals'
import { settings } from '../settings.ts'
import type { Words } from './en.ts'

/*
 * Another language is a file beside `en.ts` and a line here. Each is loaded when it is chosen; all of them are kept for
 * when there is no network.
 */
const loaders = {
  en: async () => (await import('./en.ts')).en,
  de: async () => (await import('./de.ts')).de,
  fr: async () => (await import('./fr.ts')).fr,
  es: async () => (await import('./es.ts')).es,
  hi: async () => (await import('./hi.ts')).hi,
  ar: async () => (await import('./ar.ts')).ar,
} satisfies Record<string, () => Promise<Words>>

export type Language = keyof typeof loaders

/** Each language in its own words, so that whoever needs it finds it. */
export const languages: Record<Language, string> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
  hi: 'हिन्दी',
  ar: 'العربية',
}

const first = preferredLanguage(settings.value.language, navigator.languages)

export const language = signal<Language>(first)
// Awaited here, so that there is nowhere without words.
export const words = signal<Words>(await loaders[first]())

/** Shows everything in this language from now on. */
export async function speak(wanted: Language): Promise<void> {
  words.value = await loaders[wanted]()
  language.value = wanted
}

/** Takes what the person chose before and what the browser says; gives the first that we speak. */
export function preferredLanguage(chosen: string | null, wished: readonly string[]): Language {
  const spoken = [chosen ?? '', ...wished].map((tag) => tag.toLowerCase().split('-')[0] ?? '')
  return spoken.find((tag): tag is Language => Object.hasOwn(loaders, tag)) ?? 'en'
}

/** The event's time zone, in which every time is told: the same on each device, wherever its own clock thinks it is. */
export const timezone = signal<string | undefined>(undefined)

/** The language as it is spoken where this device is from: that decides how times are written. */
const locale = computed(() => navigator.languages.find((tag) => tag.split('-')[0] === language.value) ?? language.value)

const formats = computed(() => {
  const timeZone = timezone.value
  const of = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale.value, { ...options, ...(timeZone ? { timeZone } : {}) })
  return {
    time: of({ hour: '2-digit', minute: '2-digit' }),
    exact: of({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    day: of({ weekday: 'short', day: 'numeric', month: 'short' }),
    number: new Intl.NumberFormat(locale.value),
    seconds: new Intl.NumberFormat(locale.value, {
      style: 'unit',
      unit: 'second',
      unitDisplay: 'short',
      maximumFractionDigits: 1,
    }),
    relative: new Intl.RelativeTimeFormat(locale.value, { numeric: 'always', style: 'narrow' }),
  }
})

export function number(value: number): string {
  return formats.value.number.format(value)
}

/** "1.5 sec", as the language has it. */
export function seconds(ms: number): string {
  return formats.value.seconds.format(ms / 1000)
}

/** The time of day, with the day where it is not today's. */
export function moment(at: number, now: number): string {
  const { time, day } = formats.value
  const isToday = day.format(at) === day.format(now)
  return isToday ? time.format(at) : `${day.format(at)}, ${time.format(at)}`
}

export function exactTime(at: number): string {
  return formats.value.exact.format(at)
}

/** How long ago, in the largest unit that says enough: "12 s ago", "3 min ago". */
export function ago(ms: number): string {
  const { relative } = formats.value
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return relative.format(-seconds, 'second')
  if (seconds < 5400) return relative.format(-Math.round(seconds / 60), 'minute')
  return relative.format(-Math.round(seconds / 3600), 'hour')
}

export function money(amount: number, currency: string | null): string {
  if (!currency) return number(amount / 100)
  const format = new Intl.NumberFormat(locale.value, { style: 'currency', currency })
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}
