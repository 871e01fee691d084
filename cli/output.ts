import { stripVTControlCharacters } from 'node:util'

/** Gives one answer on stdout: the words, or with `--json` the data and nothing else. */
export function say(isJson: boolean, data: object, words: string): void {
  const text = isJson ? JSON.stringify(data, null, 2) : words
  process.stdout.write(`${process.stdout.isTTY ? text : stripVTControlCharacters(text)}\n`)
}

/** Tells on stderr how far something has come, on one line that is overwritten; nothing where nobody watches. */
export function showProgress(text: string, isLast: boolean): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${isLast ? '' : text}`)
}

/** Shows that something takes its time, and for how long it has, until it is there; nothing where nobody watches. */
export async function whileWaiting<T>(what: string, answer: Promise<T>): Promise<T> {
  const begunAt = performance.now()
  const clock = setInterval(() => {
    showProgress(`${what}: ${Math.round((performance.now() - begunAt) / 1000)} s`, false)
  }, 1000)
  try {
    return await answer
  } finally {
    clearInterval(clock)
    showProgress('', true)
  }
}
