import { type Call, nextCall, nextLaneCall, type ScanWork, type Work } from './calls.ts'
import type { Target } from './load.ts'
import { nextPeerCall, nextPeerMessage, nextPeerSync, type PeerStage, supplyPeer } from './peer-calls.ts'
import type { PeerName } from './peers/start.ts'
import { SocketConnection } from './socket-connection.ts'
import { type Stage, settle, supply } from './stage.ts'

/** Who is measured: Admit One over HTTP, over the sockets of its devices, or a peer. */
export type System = 'http' | 'lane' | PeerName

/** Everything that a run can ask. */
export type Rig = { stage: Stage; peers: PeerStage[]; serverPid: number }

/** How one kind of work is asked of one system. */
export type Driver = {
  to: Target
  next: () => Call
  /** Sees to it that so many tickets are there that nobody has scanned. */
  supply: (tickets: number) => Promise<void>
  /** Brings to an end what was done in the background. */
  settle: () => Promise<void>
}

/** null: this machine has not what the peer needs. */
export function driverOf({ stage, peers }: Rig, system: System, work: Work): Driver | null {
  const ours = { supply: (tickets: number) => supply(stage, tickets), settle: () => settle(stage) }
  if (system === 'http') return { ...ours, to: stage.port, next: () => nextCall(stage, work) }
  if (system === 'lane') return { ...ours, to: overLane(stage), next: () => nextLaneCall(stage, scanOnly(work)) }
  const peer = peers.find(({ peer: { name } }) => name === system)
  return peer ? peerDriver(peer, work) : null
}

function peerDriver(stage: PeerStage, work: Work): Driver {
  const { port, deviceToken, name } = stage.peer
  const theirs = { supply: (tickets: number) => supplyPeer(stage, tickets), settle: async () => {} }
  if (work === 'sync 100') return { ...theirs, to: port, next: () => nextPeerSync(stage, 100) }
  if (work === 'sync 500') return { ...theirs, to: port, next: () => nextPeerSync(stage, 500) }
  const scan = scanOnly(work)
  if (name !== 'ws-redis') return { ...theirs, to: port, next: () => nextPeerCall(stage, scan) }
  const to: Target = (_, fail) => SocketConnection.open(`ws://127.0.0.1:${port}/`, deviceToken, fail)
  return { ...theirs, to, next: () => nextPeerMessage(stage, scan) }
}

/**
 * The socket that a device listens on. What it would hear of every admission is left out: handing each scan out to 64
 * devices is measured by `npm run bench:live`.
 */
function overLane({ port, eventId, devices }: Stage): Target {
  const url = `ws://127.0.0.1:${port}/api/hp-scanner/live/${eventId}?topics=alerts`
  return (no, fail) => SocketConnection.open(url, devices[no % devices.length]?.staffToken ?? '', fail)
}

function scanOnly(work: Work): ScanWork {
  if (work === 'first' || work === 'duplicate' || work === 'mixed') return work
  throw new Error(`${work} is no scan`)
}
