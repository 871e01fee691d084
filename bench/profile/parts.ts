/** One look of `perf` at a thread: which thread, and what it was in, from the innermost function outwards. */
export type Look = { thread: string; frames: string[] }

/** What workerd does for a call, each by what the names of its functions have in common; the first that fits counts. */
const native = [
  ['collecting garbage', /Scaveng|MarkCompact|Sweep|CollectGarbage|cppgc|IncrementalMark|Evacuat/],
  ['commit and fsync', /fdatasync|fsync/],
  ['SQLite, values bound to it', /sqlite/i],
  ['WebCrypto', /SubtleCrypto|CryptoImpl|EVP_|bssl|25519|\baes_|gcm_|sha(?:256|512)/i],
  ['serialising', /Serializ/],
  ['the call to the Gatekeeper', /JsRpc/],
  ['HTTP', /hyper|http/i],
  ['sockets, waiting for them', /epoll|\btcp_|sock|writev|readv|Readiness|mio::/i],
] as const

const ofScripts = /^(?:JS:|RegExp|Builtins_|Bytecode|Baseline)/

export const parts = [
  'JavaScript, and V8 at work for it',
  ...native.map(([part]) => part),
  'promises, memory and other steps of the runtime',
  'helper threads: compiling, collecting',
] as const
export type Part = (typeof parts)[number]

/**
 * Takes one look at workerd; gives what it was doing. What a script called counts by what that is, up to where the script
 * called it; what only V8 had to do with, such as looking up a property or writing JSON, counts as the script.
 */
export function partOf({ thread, frames }: Look): Part {
  if (thread.startsWith('V8')) return 'helper threads: compiling, collecting'
  const script = frames.findIndex((frame) => ofScripts.test(frame))
  const inner = script === -1 ? frames : frames.slice(0, script)
  if (inner.length === 0) return 'JavaScript, and V8 at work for it'
  const fits = native.find(([, pattern]) => inner.some((frame) => pattern.test(frame)))
  if (fits) return fits[0]
  const isV8s = script !== -1 && !inner.some((frame) => /workerd::|\bkj::/.test(frame))
  return isV8s ? 'JavaScript, and V8 at work for it' : 'promises, memory and other steps of the runtime'
}

/** Takes the lines that `perf script -F comm,ip,sym` prints; gives the looks in them. */
export async function* looksIn(lines: AsyncIterable<string>): AsyncGenerator<Look> {
  let look: Look | null = null
  for await (const line of lines) {
    const frame = /^\s+[0-9a-f]+ (.+)$/.exec(line)?.[1]
    if (frame !== undefined) look?.frames.push(frame)
    else if (line.trim() === '') look = yield* done(look)
    else look = { thread: line.trim(), frames: [] }
  }
  yield* done(look)
}

function* done(look: Look | null): Generator<Look, null> {
  if (look && look.frames.length > 0) yield look
  return null
}
