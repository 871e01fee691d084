import { type CpuUse, countCpu } from '../cpu.ts'
import {
  type ImageStage,
  measureCold,
  measureWarm,
  type Side,
  setImageStage,
  startAnew,
  warmUp,
} from '../image-stage.ts'
import type { Window } from '../load.ts'
import { inTurn, type Reading, type SetTrial } from './trial.ts'

const PEER = 'Express + qrcode + Redis'

const wholly = {
  stage: { tickets: 8_000, warm: 1_000, mostCold: 3_000 },
  cold: { leadInMs: 200, windowMs: 1000 },
  steady: { leadInMs: 200, windowMs: 1200 },
}
const quickly = {
  stage: { tickets: 5_000, warm: 300, mostCold: 2_000 },
  cold: { leadInMs: 200, windowMs: 600 },
  steady: { leadInMs: 200, windowMs: 600 },
}

/** QR images as SVG, drawn and from the cache, of us and of what people would otherwise build. */
export const setImages: SetTrial = async (server, isQuick) => {
  const { cold, steady, stage: sizes } = isQuick ? quickly : wholly
  const stage = await setImageStage(server, { ...sizes, processes: 1 })
  return {
    name: 'images',
    about: 'QR images as SVG over 64 connections',
    sides: { value: 'Admit One', base: `${PEER}, one process` },
    skipped: stage.sides.length === 1 ? [{ name: PEER, because: 'Redis is not installed' }] : [],
    measure: (round) => measure(stage, round, cold, steady),
    stop: stage.stop,
  }
}

async function measure(stage: ImageStage, round: number, cold: Window, steady: Window) {
  const rates = new Map<Side, { cold: number; warm: number }>()
  let cpu: CpuUse | null = null
  for (const side of inTurn(stage.sides, round)) {
    if (round === 0) await startAnew(stage, side, 'svg')
    const drawn = await measureCold(stage, side, 'svg', cold)
    await warmUp(stage, side, 'svg')
    const used = countCpu(side.pid)
    const kept = await measureWarm(stage, side, 'svg', steady)
    if (side === stage.sides[0]) cpu = used()
    rates.set(side, { cold: drawn.perSecond, warm: kept.perSecond })
  }
  if (stage.astray > 0) throw new Error(`${stage.astray} images came from where they were not to come from`)
  const [ours, theirs] = stage.sides.map((side) => rates.get(side))
  const reading = (what: string, of: 'warm' | 'cold'): Reading => {
    return { what, unit: 'a second', value: ours?.[of] ?? Number.NaN, base: theirs?.[of] ?? null }
  }
  return { readings: [reading('from the cache', 'warm'), reading('drawn', 'cold')], cpu }
}
