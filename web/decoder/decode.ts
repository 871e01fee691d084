import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'
import type { Decoded, Frame } from './messages.ts'
import { hard, quick } from './passes.ts'

declare const self: DedicatedWorkerGlobalScope

// Otherwise the library would fetch its wasm from somebody else's server.
const locateFile = (path: string, prefix: string) => (path.endsWith('.wasm') ? wasmUrl : prefix + path)
prepareZXingModule({ overrides: { locateFile }, fireImmediately: true }).then(
  () => tell({ kind: 'ready' }),
  (error: unknown) => tell({ kind: 'failed', why: String(error) }),
)

let canvas: OffscreenCanvas | null = null

self.onmessage = async ({ data }: MessageEvent<Frame>) => {
  const startedAt = performance.now()
  let text: string | null = null
  try {
    const [found] = await readBarcodes(pixelsOf(data.bitmap), data.hard ? hard : quick)
    text = found?.isValid ? found.text : null
  } finally {
    // Whatever happens to a frame, the page waits for its answer before it sends the next.
    data.bitmap.close()
    tell({ kind: 'decoded', text, tookMs: performance.now() - startedAt })
  }
}

function pixelsOf(bitmap: ImageBitmap): ImageData {
  const { width, height } = bitmap
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('no 2d context in the decoder')
  context.drawImage(bitmap, 0, 0)
  return context.getImageData(0, 0, width, height)
}

function tell(message: Decoded): void {
  self.postMessage(message)
}
