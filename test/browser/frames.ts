import { closeSync, openSync, writeSync } from 'node:fs'
import { qrModules } from '../../core/qr.ts'

/*
 * What the fake camera shows, drawn here: Y4M is plain pixels, so nothing has to be encoded. A hand holds a phone with a
 * code into the picture; it is not quite still, not quite straight, and not quite in focus.
 */

export type Scene = {
  /** The text of the code, or null where nobody holds one up. */
  code: string | null
  frames: number
  /** White on black, as phones in dark mode show it. */
  inverted?: boolean
}

const WIDTH = 1280
const HEIGHT = 720
const FPS = 10

/** Frames in a second. */
export const frameRate = FPS

/** Writes a video of the scenes, one after the other; a camera shows it over and over. */
export function writeVideo(path: string, scenes: Scene[]): void {
  const file = openSync(path, 'w')
  const random = noise(7)
  writeSync(file, `YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FPS}:1 Ip A1:1 C420jpeg\n`)
  // Grey: no colour in either plane.
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128)
  for (const scene of scenes) {
    const modules = scene.code === null ? null : qrModules(scene.code, 'M')
    for (let i = 0; i < scene.frames; i++) {
      writeSync(file, 'FRAME\n')
      writeSync(file, draw(modules, i, scene.inverted === true, random))
      writeSync(file, colour)
    }
  }
  closeSync(file)
}

const SIDE = 300

/** What a cheap sensor adds, at night. */
const grain = makeGrain(65_537)
const BLUR = 1

function draw(modules: boolean[][] | null, frame: number, inverted: boolean, random: () => number): Uint8Array {
  const picture = new Uint8Array(WIDTH * HEIGHT)
  for (let y = 0; y < HEIGHT; y++) picture.fill(70 + (y * 60) / HEIGHT, y * WIDTH, (y + 1) * WIDTH)
  if (modules) paint(picture, modules, hand(frame), inverted)
  blur(picture)
  const from = Math.floor(random() * grain.length)
  for (let i = 0; i < picture.length; i++) {
    picture[i] = clamp((picture[i] ?? 0) + (grain[(from + i) % grain.length] ?? 0))
  }
  return picture
}

function makeGrain(length: number): Int8Array {
  const random = noise(3)
  return Int8Array.from({ length }, () => random() * 24 - 12)
}

type Hand = { x: number; y: number; turn: number; tilt: number }

/** Where the hand is: it drifts, and the code is turned and leans away. */
function hand(frame: number): Hand {
  const t = frame / FPS
  return {
    x: WIDTH / 2 + 60 * Math.sin(t * 1.7),
    y: HEIGHT / 2 + 35 * Math.cos(t * 2.3),
    turn: 0.16 + 0.09 * Math.sin(t * 1.1),
    tilt: 0.0006,
  }
}

function paint(picture: Uint8Array, modules: boolean[][], { x, y, turn, tilt }: Hand, inverted: boolean): void {
  const span = modules.length + 8
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  const reach = SIDE
  for (let py = Math.floor(y - reach); py < y + reach; py++) {
    for (let px = Math.floor(x - reach); px < x + reach; px++) {
      if (px < 0 || py < 0 || px >= WIDTH || py >= HEIGHT) continue
      const [dx, dy] = [px - x, py - y]
      // Farther from the camera at the top: more of the code for each pixel.
      const depth = 1 - dy * tilt
      const u = ((cos * dx + sin * dy) * depth) / SIDE + 0.5
      const v = ((cos * dy - sin * dx) * depth) / SIDE + 0.5
      if (u < 0 || v < 0 || u >= 1 || v >= 1) continue
      const dark = modules[Math.floor(v * span) - 4]?.[Math.floor(u * span) - 4] ?? false
      picture[py * WIDTH + px] = dark !== inverted ? 32 : 225
    }
  }
}

/** A box of three by three: the lens is not quite there yet. */
function blur(picture: Uint8Array): void {
  for (const step of [1, WIDTH]) {
    const before = picture.slice()
    for (let i = BLUR * step; i < picture.length - BLUR * step; i++) {
      picture[i] = ((before[i - step] ?? 0) + (before[i] ?? 0) * 2 + (before[i + step] ?? 0)) / 4
    }
  }
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value))
}

/** The same noise each time: a video that fails once fails always. */
function noise(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
