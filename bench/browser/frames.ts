import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { prepareZXingModule, type ReaderOptions, readBarcodes } from 'zxing-wasm/reader'
import { encodeBase32 } from '../../core/base32.ts'
import { qrModules } from '../../core/qr.ts'
import { hard, quick } from '../../web/decoder/passes.ts'
import { quantile } from '../quantile.ts'

/*
 * Which codes the scanner's decoder reads, and how long a frame takes it: drawn frames of 1280 by 720 with a code that is
 * distorted in one way, some of each, once with the pass of every frame and once with the harder one. `npm run bench:frames`
 */

const [WIDTH, HEIGHT] = [1280, 720]
const SEEDS = 8

type Look = {
  /** Pixels across, quiet zone included. */
  side: number
  turn: number
  /** Farther from the camera at the top: the share of its size that a pixel takes away. */
  tilt: number
  /** How far a wristband bends it round: 0 is flat, 1.5 nearly half round. */
  curve: number
  dark: number
  light: number
  /** Steps of a small blur, one after another; each alone is barely seen. */
  blur: number
  /** Pixels that the hand moved while the frame was taken. */
  motion: number
  /** The radius of a lamp's reflection, as a share of the code. */
  glare: number
  /** The spread of what the sensor adds. */
  noise: number
}

const plain: Look = {
  side: 300,
  turn: 0.1,
  tilt: 0,
  curve: 0,
  dark: 32,
  light: 225,
  blur: 0,
  motion: 0,
  glare: 0,
  noise: 6,
}

const distortions: Record<string, Partial<Look>> = {
  'as it should be': {},
  'turned by 45°': { turn: 0.785 },
  'upside down': { turn: Math.PI },
  'small: 3 pixels a module': { side: 171 },
  'small: 2 pixels a module': { side: 114 },
  tilted: { tilt: 0.0012 },
  'tilted far': { tilt: 0.0016 },
  'round a wristband': { curve: 0.8 },
  'far round a wristband': { curve: 1.2 },
  'blurred a little': { blur: 3 },
  blurred: { blur: 8 },
  'moved by 5 pixels': { motion: 5 },
  'moved by 9 pixels': { motion: 9 },
  'a reflection over 3 %': { glare: 0.1 },
  'a reflection over 8 %': { glare: 0.16 },
  'low contrast': { dark: 110, light: 150 },
  'very low contrast': { dark: 118, light: 138, noise: 2 },
  noise: { noise: 30 },
  'much noise': { noise: 60 },
  'white on black': { dark: 225, light: 32 },
}

const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm')
await prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm).buffer as ArrayBuffer }, fireImmediately: true })

const passes: [string, ReaderOptions][] = [
  ['each frame', quick],
  ['harder', hard],
]
const times = new Map(passes.map(([name]) => [name, [] as number[]]))
const totals = new Map(passes.map(([name]) => [name, 0]))

console.log(`${''.padEnd(28)}${passes.map(([name]) => name.padStart(12)).join('')}`)
for (const [name, distortion] of Object.entries(distortions)) {
  const counts = new Map(passes.map(([pass]) => [pass, 0]))
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomFrom(seed)
    const text = `A1${encodeBase32(Uint8Array.from({ length: 131 }, () => random() * 256))}`
    const frame = draw(qrModules(text, 'M'), { ...plain, ...distortion }, random)
    for (const [pass, options] of passes) {
      const startedAt = performance.now()
      const [found] = await readBarcodes(frame, options)
      times.get(pass)?.push(performance.now() - startedAt)
      if (found?.isValid && found.text === text) counts.set(pass, (counts.get(pass) ?? 0) + 1)
    }
  }
  for (const [pass, count] of counts) totals.set(pass, (totals.get(pass) ?? 0) + count)
  console.log(`${name.padEnd(28)}${[...counts.values()].map((count) => `${count}/${SEEDS}`.padStart(12)).join('')}`)
}
const all = SEEDS * Object.keys(distortions).length
console.log(`${'all'.padEnd(28)}${[...totals.values()].map((count) => `${count}/${all}`.padStart(12)).join('')}`)
for (const share of [0.5, 0.95]) {
  const line = [...times.values()].map((taken) => quantile(taken, share).toFixed(1).padStart(12)).join('')
  console.log(`${`ms a frame, p${share * 100}`.padEnd(28)}${line}`)
}

function draw(modules: boolean[][], look: Look, random: () => number): ImageData {
  const grey = new Float32Array(WIDTH * HEIGHT)
  for (let i = 0; i < grey.length; i++) grey[i] = 70 + ((i / WIDTH) * 60) / HEIGHT
  paint(grey, modules, look, random)
  for (let i = 0; i < look.blur; i++) blur(grey, [1, WIDTH])
  if (look.motion > 0) smear(grey, look.motion)
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4)
  grey.forEach((value, i) => {
    // Three dice are nearly a bell.
    const bell = random() + random() + random() - 1.5
    data.fill(value + bell * 2 * look.noise, i * 4, i * 4 + 3)
    data[i * 4 + 3] = 255
  })
  return { data, width: WIDTH, height: HEIGHT, colorSpace: 'srgb' } as ImageData
}

function paint(grey: Float32Array, modules: boolean[][], look: Look, random: () => number): void {
  const span = modules.length + 8
  const angle = look.turn + (random() - 0.5) * 0.1
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [x, y] = [WIDTH / 2 + (random() - 0.5) * 80, HEIGHT / 2 + (random() - 0.5) * 40]
  const lamp = { u: 0.35 + random() * 0.3, v: 0.35 + random() * 0.3 }
  for (let py = 0; py < HEIGHT; py++) {
    for (let px = 0; px < WIDTH; px++) {
      const [dx, dy] = [px - x, py - y]
      const depth = 1 - dy * look.tilt
      const across = ((cos * dx + sin * dy) * depth) / look.side
      const u = bent(across, look.curve) + 0.5
      const v = ((cos * dy - sin * dx) * depth) / look.side + 0.5
      if (!(u >= 0 && v >= 0 && u < 1 && v < 1)) continue
      const isDark = modules[Math.floor(v * span) - 4]?.[Math.floor(u * span) - 4] ?? false
      const isLit = look.glare > 0 && Math.hypot(u - lamp.u, v - lamp.v) < look.glare
      grey[py * WIDTH + px] = isLit ? 255 : isDark ? look.dark : look.light
    }
  }
}

/** Where on the flat code one looks at a place of the bent one, seen from before. Beyond its edge there is nothing. */
function bent(across: number, curve: number): number {
  return curve === 0 ? across : Math.asin(across * 2 * Math.sin(curve)) / (2 * curve)
}

function blur(grey: Float32Array, steps: number[]): void {
  for (const step of steps) {
    const before = grey.slice()
    for (let i = step; i < grey.length - step; i++) {
      grey[i] = ((before[i - step] ?? 0) + (before[i] ?? 0) * 2 + (before[i + step] ?? 0)) / 4
    }
  }
}

function smear(grey: Float32Array, pixels: number): void {
  const before = grey.slice()
  for (let i = pixels; i < grey.length; i++) {
    let sum = 0
    for (let back = 0; back < pixels; back++) sum += before[i - back] ?? 0
    grey[i] = sum / pixels
  }
}

/** The same each time for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed * 2654435761
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
