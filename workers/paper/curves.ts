import type { Box, Canvas } from './canvas.ts'

/** People let in and scans refused from one instant, in milliseconds since 1970, to the next. */
export type Bucket = { at: number; admitted: number; refused: number }

/** Says what stands under the axis at an instant, or null where nothing does. */
export type AxisWords = (at: number) => string | null

const AXIS = 5
const LABELS = 11

/** How the house filled: everybody let in so far, under the line of all who could come. */
export function drawFilling(canvas: Canvas, box: Box, buckets: Bucket[], ceiling: number, words: AxisWords): void {
  const plot = plotIn(box)
  let sum = 0
  const sums = buckets.map(({ admitted }) => {
    sum += admitted
    return sum
  })
  const top = niceTop(Math.max(sum, ceiling, 1))
  const xOf = (i: number) => plot.x + (plot.width * i) / Math.max(1, buckets.length)
  const yOf = (value: number) => plot.y + plot.height * (1 - Math.max(0, value) / top)
  const line: [number, number][] = [
    [xOf(0), yOf(0)],
    ...sums.map((value, i): [number, number] => [xOf(i + 1), yOf(value)]),
  ]
  canvas.area([...line, [xOf(buckets.length), yOf(0)]], 'peoplePale')
  drawGrid(canvas, plot, top, yOf)
  if (ceiling > 0) {
    const at: [number, number][] = [
      [plot.x, yOf(ceiling)],
      [plot.x + plot.width, yOf(ceiling)],
    ]
    canvas.stroke(at, 'soft', 0.8, true)
  }
  canvas.stroke(line, 'people', 1.2)
  drawTimes(canvas, plot, buckets, xOf, words)
}

/** What each moment was like: people let in upwards, scans refused downwards, in one scale. */
export function drawPace(canvas: Canvas, box: Box, buckets: Bucket[], words: AxisWords): void {
  const plot = plotIn(box)
  const top = niceTop(Math.max(1, ...buckets.map(({ admitted }) => admitted)))
  const most = Math.max(0, ...buckets.map(({ refused }) => refused))
  const bottom = most === 0 ? 0 : Math.min(top, niceTop(most))
  const unit = plot.height / (top + bottom)
  const zero = plot.y + top * unit
  const yOf = (value: number) => zero - value * unit
  drawGrid(canvas, plot, top, yOf)
  const step = plot.width / Math.max(1, buckets.length)
  const gap = step > 1.2 ? 0.3 : 0
  const bars = (heightOf: (bucket: Bucket) => number, isUp: boolean) =>
    buckets.flatMap((bucket, i): Box[] => {
      const height = heightOf(bucket) * unit
      if (height <= 0) return []
      return [{ x: plot.x + i * step + gap / 2, y: isUp ? zero - height : zero, width: step - gap, height }]
    })
  canvas.fill(
    bars(({ admitted }) => admitted, true),
    'people',
  )
  // A flood of refusals is cut off where it would push the people off the page.
  canvas.fill(
    bars(({ refused }) => Math.min(refused, bottom), false),
    'refused',
  )
  canvas.stroke(
    [
      [plot.x, zero],
      [plot.x + plot.width, zero],
    ],
    'soft',
    0.6,
  )
  drawTimes(canvas, plot, buckets, (i) => plot.x + i * step, words)
}

function plotIn({ x, y, width, height }: Box): Box {
  return { x: x + LABELS, y: y + 2, width: width - LABELS, height: height - 2 - AXIS }
}

/** Lines to read heights by, each with its number. */
function drawGrid(canvas: Canvas, plot: Box, top: number, yOf: (value: number) => number): void {
  const step = gridStep(top)
  for (let value = 0; value <= top; value += step) {
    const y = yOf(value)
    canvas.stroke(
      [
        [plot.x, y],
        [plot.x + plot.width, y],
      ],
      'line',
      0.4,
    )
    const place = { x: plot.x - LABELS, y: y - 1.4, width: LABELS - 1.5, size: 7, least: 5 }
    canvas.label(value.toLocaleString('en'), { ...place, align: 'right', colour: 'soft' })
  }
}

function drawTimes(canvas: Canvas, plot: Box, buckets: Bucket[], xOf: (i: number) => number, words: AxisWords): void {
  const y = plot.y + plot.height
  for (const [i, { at }] of buckets.entries()) {
    const text = words(at)
    if (text === null) continue
    canvas.stroke(
      [
        [xOf(i), y],
        [xOf(i), y + 1],
      ],
      'soft',
      0.5,
    )
    // The last ones would stand out over the edge.
    const width = 16
    const x = Math.min(xOf(i) - width / 2, plot.x + plot.width - width)
    const align = x < xOf(i) - width / 2 ? 'right' : 'centre'
    canvas.label(text, { x, y: y + 1.4, width, size: 7, align, colour: 'soft' })
  }
}

/** The next number above that reads well on an axis. */
function niceTop(value: number): number {
  const step = gridStep(value)
  return Math.ceil(value / step) * step
}

/** 1, 2 or 5 with noughts, so that there are from two to five lines. */
function gridStep(top: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, top / 5)))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => top / step <= 5) ?? 10 * power
}
