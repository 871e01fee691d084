import type { Machine } from './machine.ts'
import type { ClosedRow, OpenRow, Summary } from './summary.ts'

/** What a person reads of a run. */
export function table(machine: Machine, { closed, open, othersCores }: Summary, rounds: number): string {
  return `${[
    machineLine(machine, othersCores),
    `Medians of ${rounds} rounds. The ratios are what counts: both sides of one were measured in the same round.`,
    '',
    'Closed loop: each connection asks again as soon as it was answered',
    ...columns([
      ['', 'a second', '', '', '', 'to hello', '', 'to a no-op in the Gatekeeper', ''],
      ['connections', 'hello', 'no-op', 'first', 'duplicate', 'first', 'duplicate', 'first', 'duplicate'],
      ...closed.map(closedCells),
    ]),
    '',
    ...cpuLines(closed),
    'Open loop: calls come at a fixed rate; milliseconds from when each was due',
    ...columns([
      ['', 'first scan', '', '', '', 'no-op', '', '', ''],
      ['a second', 'p50', 'p95', 'p99', 'max', 'p50', 'p95', 'p99', 'max'],
      ...open.map(openCells),
    ]),
    '',
    'Every answer was checked. An answer to a first scan or a duplicate means that it is on the disk.',
  ].join('\n')}\n`
}

function machineLine({ cores, cpu, node, workerd, syncMs }: Machine, othersCores: number | null): string {
  const others = othersCores === null ? [] : [`others took ${othersCores.toFixed(2)} of a core meanwhile`]
  const sync = `a 4 KiB fdatasync in ${syncMs.toFixed(2)} ms`
  return [`${cores} cores (${cpu})`, `node ${node}`, `workerd ${workerd}`, sync, ...others].join(', ')
}

function closedCells({ connections, perSecond, ratio }: ClosedRow): string[] {
  const { hello, noop, first, duplicate } = perSecond
  const { firstToHello, duplicateToHello, firstToNoop, duplicateToNoop } = ratio
  return [
    String(connections),
    ...[hello, noop, first, duplicate].map((figure) => figure.toFixed(0)),
    ...[firstToHello, duplicateToHello, firstToNoop, duplicateToNoop].map((figure) => figure.toFixed(2)),
  ]
}

function cpuLines(closed: ClosedRow[]): string[] {
  const most = closed.at(-1)
  if (!most || most.cpuMicros.first === null) return []
  const { hello, noop, first, duplicate } = most.cpuMicros
  const [h, n, f, d] = [hello, noop, first, duplicate].map((micros) => micros?.toFixed(0))
  return [
    `Server CPU a call at ${most.connections} connections: hello ${h} µs, no-op ${n} µs, first ${f} µs, duplicate ${d} µs`,
    '',
  ]
}

function openCells({ perSecond, first, noop }: OpenRow): string[] {
  return [
    String(perSecond),
    ...[first, noop].flatMap(({ p50, p95, p99, max }) => [p50, p95, p99, max].map((ms) => ms.toFixed(1))),
  ]
}

function columns(rows: string[][]): string[] {
  const width = (column: number) => Math.max(...rows.slice(1).map((row) => row[column]?.length ?? 0)) + 3
  return rows.map((row, index) =>
    // The first line holds headings that stand over several columns.
    index === 0 ? headings(row, width) : row.map((cell, column) => cell.padStart(width(column))).join(''),
  )
}

function headings(row: string[], width: (column: number) => number): string {
  let line = ''
  let at = 0
  row.forEach((cell, column) => {
    if (cell !== '') line = `${line.padEnd(at)}   ${cell}`
    at += width(column)
  })
  return line
}
