import type { Answer } from './http-answer.ts'
import { newScanId } from './scan-id.ts'
import { type Codes, type Stage, takeFresh, takeUsed } from './stage.ts'

/**
 * What is measured: two calls that do next to nothing, a ticket's first scan, one that was admitted before, four first
 * scans to one duplicate, and offline scans that are brought home.
 */
export type Work = 'hello' | 'noop' | 'first' | 'duplicate' | 'mixed' | 'sync 100' | 'sync 500'

/** Of those, what is one scan. */
export type ScanWork = 'first' | 'duplicate' | 'mixed'

/** A whole request, and whether an answer is the one that it must get. */
export type Call = { request: string; isRight: (answer: Answer) => boolean }

/** Makes the next call. Each scan sends the same headers and body as the idle calls, so that only the path differs. */
export function nextCall(stage: Stage, work: Work): Call {
  switch (work) {
    case 'hello':
      return post(stage, '/bench/hello', scanBody(stage, stage.idleToken), isDone)
    case 'noop':
      return post(stage, `/bench/noop/${stage.eventId}`, scanBody(stage, stage.idleToken), isDone)
    case 'sync 100':
      return syncCall(stage, 100)
    case 'sync 500':
      return syncCall(stage, 500)
    default:
      return scanCall(stage, work, (scan) => post(stage, '/api/hp-scanner/validate-qr', scan))
  }
}

/** Makes the next scan as it goes over a device's socket. */
export function nextLaneCall(stage: Stage, work: ScanWork): Call {
  return scanCall(stage, work, (scan) => ({ request: `{"type":"scan","id":"${stage.calls}","scan":${scan}}` }))
}

/** Whether the next scan is of a ticket that nobody has scanned yet. */
export function isNextFresh(work: ScanWork, calls: number): boolean {
  return work === 'first' || (work === 'mixed' && calls % 5 !== 0)
}

function isAdmitted({ status, body }: Answer, scanId: string): boolean {
  return status === 200 && body.includes('"verdict":"admitted"') && isNewAnswerTo(scanId, body)
}

function isRefusedAsDuplicate({ status, body }: Answer, scanId: string): boolean {
  return status === 409 && body.includes('"code":"already_admitted"') && isNewAnswerTo(scanId, body)
}

/** Whether a scan was answered as it should be: of a ticket that nobody had scanned, which has been now, or of another. */
export function isRightFor({ used }: Codes, fresh: string | null, scanId: string): Call['isRight'] {
  if (fresh === null) return (answer) => isRefusedAsDuplicate(answer, scanId)
  return (answer) => {
    if (!isAdmitted(answer, scanId)) return false
    used.push(fresh)
    return true
  }
}

/** Whether all scans of a batch were taken as they were shown. */
export function isSynced(count: number): (answer: Answer) => boolean {
  return ({ status, body }) => status === 200 && body.includes(`"successful":${count}`)
}

function scanCall(stage: Stage, work: ScanWork, wrap: (scan: string) => { request: string }): Call {
  const isFresh = isNextFresh(work, stage.calls)
  const scanId = newScanId()
  const token = isFresh ? takeFresh(stage) : takeUsed(stage)
  const { request } = wrap(scanBody(stage, token, scanId))
  return { request, isRight: isRightFor(stage, isFresh ? token : null, scanId) }
}

function syncCall(stage: Stage, count: number): Call {
  const { gateId } = deviceOf(stage)
  const at = Date.now() - 60_000
  const scans = Array.from({ length: count }, (_, sequence) => ({
    scanId: newScanId(),
    qrPayload: takeFresh(stage),
    gateId,
    localTimestamp: new Date(at + 100 * sequence).toISOString(),
    verdict: 'admitted',
    sequence,
  }))
  const body = JSON.stringify({ scans, syncedAt: new Date().toISOString() })
  return { ...post(stage, '/api/hp-scanner/offline-sync', body), isRight: isSynced(count) }
}

/** Moves on to the next call with each body. */
function scanBody(stage: Stage, qrPayload: string, scanId: string = newScanId()): string {
  const { gateId } = deviceOf(stage)
  stage.calls++
  return (
    `{"scanId":"${scanId}","qrPayload":"${qrPayload}","gateId":"${gateId}","source":"camera",` +
    `"deviceType":"handheld","localTimestamp":"${new Date().toISOString()}"}`
  )
}

function post(stage: Stage, path: string, body: string, isRight: Call['isRight'] = () => false): Call {
  return {
    request:
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${deviceOf(stage).staffToken}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    isRight,
  }
}

function deviceOf({ devices, calls }: Stage): Stage['devices'][number] {
  const device = devices[calls % devices.length]
  if (!device) throw new Error('the bench has no device')
  return device
}

function isDone({ status, body }: Answer): boolean {
  return status === 200 && body.startsWith('{"success":true,"message":')
}

function isNewAnswerTo(scanId: string, body: string): boolean {
  return body.includes(`"scanId":"${scanId}","replay":false`)
}
