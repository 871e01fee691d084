import type { ServerMessage } from '../../core/live.ts'
import type { WireLiveStats } from '../../core/live-stats.ts'
import { harmless, padded } from '../terminal/text.ts'
import type { Link } from './feed.ts'
import { hear, newView, type Occasion, type View } from './view.ts'
import { clockOf, verdictWords, worryWords } from './words.ts'

/** The numbers are a line of their own, this often at most. */
const NUMBERS_EVERY_MS = 5000

/** Tells what happens as lines, for a log or a pipe. */
export class PlainTeller {
  readonly #view: View
  readonly #tell: (line: string) => void
  readonly #clock: (instant: string | number) => string
  #numbersAt = 0
  #state: Link['state'] = 'connecting'

  constructor(occasion: Occasion, tell: (line: string) => void) {
    this.#view = newView(occasion)
    this.#tell = tell
    this.#clock = clockOf(occasion.timezone)
  }

  hear(message: ServerMessage, at: number): void {
    const before = this.#view.worries[0]
    hear(this.#view, message, at)
    if (message.type === 'scans') this.#scans(message.items, message.missed)
    const [newest] = this.#view.worries
    if (newest && newest !== before) {
      this.#line(newest.at, '!', worryWords(newest, this.#view.occasion))
    }
    if (message.type !== 'stats' || at < this.#numbersAt + NUMBERS_EVERY_MS) return
    this.#numbersAt = at
    this.#line(message.at, '=', numberWords(message.data))
  }

  link(link: Link): void {
    if (link.state === this.#state) return
    if (link.state === 'lost') this.#tell(`connection lost: ${link.because}; coming back`)
    if (link.state === 'live') this.#tell(this.#state === 'lost' ? 'connected again' : 'connected')
    this.#state = link.state
  }

  #scans(items: Extract<ServerMessage, { type: 'scans' }>['items'], missed: number): void {
    if (missed > 0) this.#tell(`${missed} scans were too many to tell; see admit export entries`)
    for (const entry of items) {
      const gate = harmless(entry.gateName ?? entry.gateId ?? '')
      this.#line(entry.scannedAt, entry.verdict === 'refused' ? '✗' : '✓', `${padded(gate, 20)} ${verdictWords(entry)}`)
    }
  }

  #line(at: string, mark: string, words: string): void {
    this.#tell(`${this.#clock(at)} ${mark} ${words}`)
  }
}

function numberWords({
  cacheCount,
  inside,
  perMinute,
  totalTickets,
  refusals,
  pendingEntries,
  latency,
}: WireLiveStats): string {
  const refused = Object.values(refusals).reduce((sum, scans) => sum + scans, 0)
  const late = pendingEntries > 0 ? `, ${pendingEntries} entries on their way to the reports` : ''
  const decided = latency.p95 === null ? '' : `, decided in ${latency.p95.toFixed(1)} ms (p95)`
  return `${cacheCount} admitted of ${totalTickets} tickets, ${inside} inside, ${perMinute} a minute, ${refused} refused${decided}${late}`
}
