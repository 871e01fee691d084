import { TrueType } from './true-type.ts'

let kept: Promise<{ font: TrueType; name: string }> | null = null

/** The font of everything on paper: Latin, Greek and Cyrillic. Unpacked when the first sheet is made. */
export function openSans(): Promise<{ font: TrueType; name: string }> {
  kept ??= unpack()
  return kept
}

async function unpack(): Promise<{ font: TrueType; name: string }> {
  const { default: packed } = await import('./open-sans.json')
  const deflated = Uint8Array.from(atob(packed.deflated), (character) => character.charCodeAt(0))
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream('deflate'))
  return { font: new TrueType(new Uint8Array(await new Response(stream).arrayBuffer())), name: packed.name }
}
