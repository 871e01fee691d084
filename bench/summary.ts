import type { Subject } from './calls.ts'
import type { Measured } from './measure.ts'
import { median, quantile } from './quantile.ts'

/** `othersCores`: how many cores were busy with something else, in the middle of all windows. */
export type Summary = { closed: ClosedRow[]; open: OpenRow[]; othersCores: number | null }

/** Medians over the rounds. Ratios are those of the same round: what slows the machine slows both. */
export type ClosedRow = {
  connections: number
  perSecond: Record<Subject, number>
  /** Microseconds of the server's CPU that a call took; null where the machine does not tell. */
  cpuMicros: Record<Subject, number | null>
  ratio: { firstToHello: number; firstToNoop: number; duplicateToHello: number; duplicateToNoop: number }
}

/** Milliseconds from when a call was due, over all rounds together. */
export type OpenRow = { perSecond: number; first: Latency; noop: Latency }

export type Latency = { p50: number; p95: number; p99: number; max: number; reached: number }

export function summarize(measured: Measured[]): Summary {
  const sizes = (loop: 'closed' | 'open') =>
    [...new Set(measured.filter((one) => one.loop === loop).map(({ size }) => size))].sort((a, b) => a - b)
  return {
    closed: sizes('closed').map((size) => closedRow(ofSize(measured, 'closed', size), size)),
    open: sizes('open').map((size) => openRow(ofSize(measured, 'open', size), size)),
    othersCores: known(measured.map(({ cpu }) => cpu?.othersCores)),
  }
}

function ofSize(measured: Measured[], loop: 'closed' | 'open', size: number): Measured[] {
  return measured.filter((one) => one.loop === loop && one.size === size)
}

function closedRow(measured: Measured[], connections: number): ClosedRow {
  const ratio = (subject: Subject, to: Subject) =>
    median(
      of(measured, subject).map(({ round, perSecond }) => {
        const other = of(measured, to).find((one) => one.round === round)
        return perSecond / (other?.perSecond ?? Number.NaN)
      }),
    )
  const each = <T>(figure: (ones: Measured[]) => T): Record<Subject, T> => ({
    hello: figure(of(measured, 'hello')),
    noop: figure(of(measured, 'noop')),
    first: figure(of(measured, 'first')),
    duplicate: figure(of(measured, 'duplicate')),
  })
  return {
    connections,
    perSecond: each((ones) => median(ones.map(({ perSecond }) => perSecond))),
    cpuMicros: each(cpuMicros),
    ratio: {
      firstToHello: ratio('first', 'hello'),
      firstToNoop: ratio('first', 'noop'),
      duplicateToHello: ratio('duplicate', 'hello'),
      duplicateToNoop: ratio('duplicate', 'noop'),
    },
  }
}

function cpuMicros(ones: Measured[]): number | null {
  return known(ones.map(({ cpu, calls }) => cpu && (cpu.serverMs * 1000) / calls))
}

/** The median, or null where the machine does not tell. */
function known(figures: (number | null | undefined)[]): number | null {
  const told = figures.filter((figure) => figure != null)
  return told.length === 0 ? null : median(told)
}

function openRow(measured: Measured[], perSecond: number): OpenRow {
  return { perSecond, first: latency(of(measured, 'first')), noop: latency(of(measured, 'noop')) }
}

function latency(ones: Measured[]): Latency {
  const all = ones.flatMap(({ latencies }) => latencies)
  return {
    p50: quantile(all, 0.5),
    p95: quantile(all, 0.95),
    p99: quantile(all, 0.99),
    max: quantile(all, 1),
    reached: median(ones.map(({ perSecond }) => perSecond)),
  }
}

function of(measured: Measured[], subject: Subject): Measured[] {
  return measured.filter((one) => one.subject === subject)
}
