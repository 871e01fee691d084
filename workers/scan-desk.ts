import type { Issue } from '../core/answers.ts'
import { ScanRequest } from '../core/device-messages.ts'
import { log } from '../durable-objects/logging.ts'
import type { Desk } from '../durable-objects/scans/scan-lane.ts'
import type { Caller } from './access.ts'
import { brokenTextIn, check } from './body.ts'
import type { Env } from './env.ts'
import { badRequestAnswer, problemAnswer, tellProblem } from './problems.ts'
import { judgeScan, mayNot } from './routes/scans.ts'
import { isUnavailable } from './unavailable.ts'

/** Makes the desk at a Gatekeeper's sockets: a scan there is read, opened and answered as one over HTTP is. */
export function deskOf(env: Env): Desk {
  return async (scan, who, judge) => {
    const startedAt = performance.now()
    const stopped = judge.mayAsk()
    if (stopped) return tellProblem(stopped)
    const read = readScan(scan)
    if (!read.ok) return badRequestAnswer(read.issues)
    const caller: Caller = { kind: 'device', ...who }
    const no = mayNot(caller, read.value)
    if (no) return no
    try {
      return await judgeScan({ env, caller, body: read.value, eventId: who.eventId, startedAt }, judge)
    } catch (error) {
      // As for a request: what is not known yet may be asked again, and anything else is a bug.
      log('error', 'a scan over a socket failed', { eventId: who.eventId, error })
      return problemAnswer(isUnavailable(error) ? 'unavailable' : 'internal')
    }
  }
}

function readScan(scan: unknown): ReturnType<typeof check<typeof ScanRequest>> {
  const broken: Issue | null = brokenTextIn(scan)
  return broken ? { ok: false, issues: [broken] } : check(ScanRequest, scan)
}
