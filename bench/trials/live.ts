import { countCpu } from '../cpu.ts'
import { quantile } from '../quantile.ts'
import { setStage, settle, supply } from '../stage.ts'
import { type Watched, watchedScans } from '../watched-scans.ts'
import { inTurn, type SetTrial } from './trial.ts'

const LISTENERS = 100
const SCANS_A_SECOND = 100

const wholly = { leadInMs: 500, windowMs: 3000 }
const quickly = { leadInMs: 300, windowMs: 1500 }

/** Scans at a steady rate with nobody and with a hundred people who watch the event. */
export const setLive: SetTrial = async (server, isQuick) => {
  const stage = await setStage(server)
  const window = isQuick ? quickly : wholly
  const scans = (SCANS_A_SECOND * (window.leadInMs + window.windowMs)) / 1000

  const measure = async (round: number) => {
    const cpuUsed = countCpu(server.pid)
    const watched = new Map<number, Watched>()
    for (const listeners of inTurn([0, LISTENERS], round)) {
      await supply(stage, scans)
      await settle(stage)
      watched.set(listeners, await watchedScans(stage, listeners, SCANS_A_SECOND, window))
    }
    await settle(stage)
    const felt = (listeners: number, q: number) => quantile(watched.get(listeners)?.latencies ?? [], q)
    const reach = (q: number) => quantile(watched.get(LISTENERS)?.reachMs ?? [], q)
    const readings = [
      { what: 'a scan, p50', unit: 'ms' as const, value: felt(LISTENERS, 0.5), base: felt(0, 0.5) },
      { what: 'a scan, p95', unit: 'ms' as const, value: felt(LISTENERS, 0.95), base: felt(0, 0.95) },
      { what: 'from a scan to a listener, p50', unit: 'ms' as const, value: reach(0.5), base: null },
      { what: 'from a scan to a listener, p95', unit: 'ms' as const, value: reach(0.95), base: null },
    ]
    return { readings, cpu: cpuUsed() }
  }
  return {
    name: 'live',
    about: `live: first scans, ${SCANS_A_SECOND} a second, while people watch`,
    sides: { value: `${LISTENERS} listeners`, base: 'nobody' },
    skipped: [],
    measure,
    stop: async () => {},
  }
}
