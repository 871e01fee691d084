import { randomUUID } from 'node:crypto'
import { type Call, isNextFresh, isRightFor, isSynced, type ScanWork } from './calls.ts'
import type { Peer } from './peers/start.ts'
import { codeOf } from './peers/tickets.ts'
import { newScanId } from './scan-id.ts'
import { type Codes, takeFresh, takeUsed } from './stage.ts'

/** A peer and the codes of its tickets. */
export type PeerStage = Codes & { peer: Peer }

/** Makes tickets until so many are there that nobody has scanned. */
export async function supplyPeer(stage: PeerStage, count: number): Promise<void> {
  while (stage.fresh.length < count) {
    const ids = Array.from({ length: 5000 }, () => randomUUID() as string)
    await stage.peer.addTickets(ids)
    stage.fresh.push(...ids.map((id) => codeOf(stage.peer.codeSecret, id)))
  }
}

/** The next scan of a peer, with the same fields as ours. */
export function nextPeerCall(stage: PeerStage, work: ScanWork): Call {
  const { scan, isRight } = nextScan(stage, work)
  return { request: post(stage, '/scan', scan), isRight }
}

/** The same over a socket. */
export function nextPeerMessage(stage: PeerStage, work: ScanWork): Call {
  const { scan, isRight } = nextScan(stage, work)
  return { request: `{"type":"scan","id":"${stage.calls}","scan":${scan}}`, isRight }
}

export function nextPeerSync(stage: PeerStage, count: number): Call {
  const scans = Array.from({ length: count }, () => ({
    scanId: newScanId(),
    qrPayload: takeFresh(stage),
    gateId: 'G1',
    localTimestamp: new Date().toISOString(),
    verdict: 'admitted',
  }))
  return { request: post(stage, '/sync', JSON.stringify({ scans })), isRight: isSynced(count) }
}

function nextScan(stage: PeerStage, work: ScanWork): { scan: string; isRight: Call['isRight'] } {
  const isFresh = isNextFresh(work, stage.calls++)
  const scanId = newScanId()
  const qrPayload = isFresh ? takeFresh(stage) : takeUsed(stage)
  const scan =
    `{"scanId":"${scanId}","qrPayload":"${qrPayload}","gateId":"G${1 + (stage.calls % 4)}","source":"camera",` +
    `"deviceType":"handheld","localTimestamp":"${new Date().toISOString()}"}`
  return { scan, isRight: isRightFor(stage, isFresh ? qrPayload : null, scanId) }
}

function post({ peer }: PeerStage, path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${peer.deviceToken}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}
