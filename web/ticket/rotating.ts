import { mirror } from './enlarging.ts'
import { reloadOnceThereIsNetwork } from './network.ts'

type Turn = { svg: string; validUntil: string | null; nextAt: string | null; serverTime: string }

/** After a failure it is asked again this soon; a lost network says nothing when it comes back. */
const RETRY_MS = 2000
const PATIENCE_MS = 5000

/**
 * Shows each code in its turn. All times are the server's: the phone's clock may be wrong. Where no new code comes, the
 * last one is shown for as long as it is good, and not a moment longer.
 */
export function rotate(given: DOMStringMap, place: HTMLElement): void {
  const shown = document.getElementById('shown')
  const image = document.getElementById('image')
  // A saved copy has no code: the page of now brings one.
  if (!shown || !(image instanceof HTMLImageElement)) {
    if (given.saved === 'true') reloadOnceThereIsNetwork()
    return
  }
  let clock = clockAt(Number(given.now))
  let validUntil = Number(given.until)
  let nextAt = Number(given.next)
  let isAsking = false
  let failed = false

  const ask = async () => {
    isAsking = true
    const turn = await nextTurn(location.pathname)
    isAsking = false
    if (turn === 'gone') return location.reload()
    failed = turn === null
    if (turn) {
      clock = clockAt(Date.parse(turn.serverTime))
      validUntil = Date.parse(turn.validUntil ?? '') || Number.POSITIVE_INFINITY
      nextAt = Date.parse(turn.nextAt ?? '') || Number.POSITIVE_INFINITY
      image.src = turn.svg
      mirror()
    } else nextAt = clock() + RETRY_MS
    show()
  }
  const show = () => {
    const leftMs = validUntil - clock()
    shown.hidden = leftMs <= 0
    if (leftMs <= 0) closeEnlarged()
    place.textContent = failed ? sayingWhy(given, leftMs) : ''
  }
  const tick = () => {
    show()
    if (!isAsking && clock() >= nextAt) void ask()
  }
  setInterval(tick, 250)
  addEventListener('online', () => void ask())
  document.addEventListener('visibilitychange', tick)
  tick()
}

/** In steps of five, so that a screen reader is not made to count. */
function sayingWhy({ runsOut = '', hidden = '' }: DOMStringMap, leftMs: number): string {
  if (leftMs <= 0) return hidden
  return runsOut.replace('{seconds}', String(Math.max(5, Math.ceil(leftMs / 5000) * 5)))
}

/** The code of the moment; null where none came, `gone` where the link leads nowhere any more. */
async function nextTurn(page: string): Promise<Turn | null | 'gone'> {
  try {
    const answer = await fetch(`${page}/code`, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })
    if (answer.status === 404) return 'gone'
    if (!answer.ok) return null
    return ((await answer.json()) as { data: Turn }).data
  } catch {
    // No network.
    return null
  }
}

/**
 * Takes the server's time; gives a clock that goes on from it. While a phone sleeps one of its two clocks may stand
 * still, so the one that is ahead counts: rather a code hidden early than a stale one shown.
 */
function clockAt(serverTime: number): () => number {
  const [monotonic, wall] = [performance.now(), Date.now()]
  return () => serverTime + Math.max(performance.now() - monotonic, Date.now() - wall)
}

function closeEnlarged(): void {
  const large = document.getElementById('large')
  if (large instanceof HTMLDialogElement && large.open) large.close()
}
