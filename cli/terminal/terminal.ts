import { emitKeypressEvents } from 'node:readline'

type Handlers = { quit: () => void; resize: () => void }

const enter = '\x1b[?1049h\x1b[?25l'
const leave = '\x1b[?25h\x1b[?1049l'

/**
 * The whole terminal for a while: drawn on a screen of its own, so that what stood there before is there again when it
 * is left, however that comes about.
 */
export class Terminal {
  readonly #handlers: Handlers
  readonly #leave = () => {
    process.stdout.write(leave)
  }
  readonly #key = (_: string, key: { name?: string; ctrl?: boolean } = {}) => {
    if (key.name === 'q' || key.name === 'escape' || (key.ctrl && (key.name === 'c' || key.name === 'd'))) {
      this.#handlers.quit()
    }
  }

  constructor(handlers: Handlers) {
    this.#handlers = handlers
    process.once('exit', this.#leave)
    process.stdout.write(enter)
    process.stdout.on('resize', handlers.resize)
    if (!process.stdin.isTTY) return
    emitKeypressEvents(process.stdin)
    process.stdin.setRawMode(true)
    process.stdin.on('keypress', this.#key)
    process.stdin.resume()
  }

  get size() {
    const { columns = 80, rows = 24 } = process.stdout
    return { columns, rows }
  }

  /** Draws lines from the top. Told as one, so that no half of it is seen. */
  draw(lines: readonly string[]): void {
    process.stdout.write(`\x1b[?2026h\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J\x1b[?2026l`)
  }

  close(): void {
    process.removeListener('exit', this.#leave)
    process.stdout.removeListener('resize', this.#handlers.resize)
    if (process.stdin.isTTY) {
      process.stdin.setRawMode(false)
      process.stdin.removeListener('keypress', this.#key)
      process.stdin.pause()
    }
    this.#leave()
  }
}
