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
