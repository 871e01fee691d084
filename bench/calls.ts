import { randomUUID } from 'node:crypto'
import type { Answer } from './http-answer.ts'
import { type Stage, takeFresh, takeUsed } from './stage.ts'

/** What is measured: two calls that do next to nothing, a ticket's first scan, and one that was admitted before. */
export type Subject = 'hello' | 'noop' | 'first' | 'duplicate'

/** A whole HTTP request, and whether an answer is the one that it must get. */
export type Call = { request: string; isRight: (answer: Answer) => boolean }

/** Makes the next call. Each subject sends the same headers and body, so that only the path makes the difference. */
export function nextCall(stage: Stage, subject: Subject): Call {
  switch (subject) {
    case 'hello':
      return scan(stage, '/bench/hello', stage.idleToken, isDone)
    case 'noop':
      return scan(stage, `/bench/noop/${stage.eventId}`, stage.idleToken, isDone)
    case 'first':
      return scan(stage, scanPath, takeFresh(stage), isAdmitted)
    case 'duplicate':
      return scan(stage, scanPath, takeUsed(stage), isRefusedAsDuplicate)
  }
}

const scanPath = '/api/hp-scanner/validate-qr'

function scan(
  stage: Stage,
  path: string,
  qrPayload: string,
  isRight: (answer: Answer, scanId: string) => boolean,
): Call {
  const device = stage.devices[stage.calls++ % stage.devices.length] ?? { staffToken: '', gateId: '' }
  const scanId = randomUUID()
  const body =
    `{"scanId":"${scanId}","qrPayload":"${qrPayload}","gateId":"${device.gateId}","source":"camera",` +
    `"deviceType":"handheld","localTimestamp":"${new Date().toISOString()}"}`
  return {
    request:
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${device.staffToken}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    isRight: (answer) => isRight(answer, scanId),
  }
}

function isDone({ status, body }: Answer): boolean {
  return status === 200 && body.startsWith('{"success":true,"message":')
}

function isAdmitted({ status, body }: Answer, scanId: string): boolean {
  return status === 200 && body.includes('"verdict":"admitted"') && isNewAnswerTo(scanId, body)
}

function isRefusedAsDuplicate({ status, body }: Answer, scanId: string): boolean {
  return status === 409 && body.includes('"code":"already_admitted"') && isNewAnswerTo(scanId, body)
}

function isNewAnswerTo(scanId: string, body: string): boolean {
  return body.includes(`"scanId":"${scanId}","replay":false`)
}
