/** From the loudest to the quietest. `silent` says nothing at all. */
const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof levels)[number]

/**
 * All that a line may say beside its message: names of our own making and numbers. There is no field for a person, a
 * code, a key, an address or a text that somebody sent, so that none gets in by accident.
 */
export type LogFields = {
  requestId?: string
  eventId?: string
  jobId?: string
  chunk?: number
  method?: string
  /** The pattern, `/api/events/{eventId}`, never the path. */
  route?: string
  caller?: string
  status?: number
  ms?: number
  count?: number
  /** Whatever was thrown; its message goes through `describeError`. */
  error?: unknown
}

let quietest = levels.indexOf('info')

/** Takes the setting `LOG_LEVEL`; what is no level is taken for `info`. */
export function setLogLevel(level: string | undefined): void {
  const index = levels.indexOf(level as LogLevel)
  quietest = index === -1 ? levels.indexOf('info') : index
}

/** Writes one line of JSON, where the level lets it through. The one place that speaks to the console. */
export function log(level: Exclude<LogLevel, 'silent'>, message: string, { error, ...fields }: LogFields = {}): void {
  if (levels.indexOf(level) < quietest) return
  const line = { level, message, ...fields, ...(error === undefined ? {} : describeError(error)) }
  console[level](JSON.stringify(line))
}

/** Takes whatever was thrown; gives what may be written of it: without anything that somebody sent. */
export function describeError(error: unknown): { error: string; stack?: string[] } {
  const cause = error instanceof Error && error.cause instanceof Error ? `; ${error.cause.message}` : ''
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
  return {
    error: (redact(text).slice(0, 300) + redact(cause)).slice(0, 500),
    ...(frames.length > 0 ? { stack: frames.slice(0, 8).map((frame) => frame.trim()) } : {}),
  }
}

/** Each with what stands in its place. Messages of the platform's quote what they stumbled over, such as half a body. */
const secrets: readonly (readonly [RegExp, string])[] = [
  // What a failed query was asked with.
  [/\nparams: [\s\S]*/, ''],
  [/"(?:[^"\\]|\\.)*"?/g, '"…"'],
  [/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '<url>'],
  [/\S+@\S+/g, '<address>'],
  [/\b(?:a1_|whsec_|msg_)\S+/g, '<key>'],
  [/\beyJ[\w-]+(?:\.[\w-]+)*/g, '<token>'],
  // Our codes, links and anything else that is long and means nothing to a reader.
  [/\b[\w+/=-]{40,}/g, '<text>'],
]

function redact(text: string): string {
  return secrets.reduce((clean, [pattern, place]) => clean.replace(pattern, place), text)
}
