import decoderUrl from '../../decoder/decode.ts?worker&url'
import type { Decoded, Frame } from '../../decoder/messages.ts'
import { ownScript } from '../own-scripts.ts'

export type Decoder = {
  /** Settles when the wasm is there. */
  ready: Promise<void>
  /** Gives the text of the code in a frame, or null. One frame at a time: whoever calls waits for the answer. */
  decode: (bitmap: ImageBitmap, hard: boolean) => Promise<{ text: string | null; tookMs: number }>
}

let shared: Decoder | null = null

/** The one decoder, in a worker of its own, so that the page never stutters. */
export function decoder(): Decoder {
  shared ??= startDecoder()
  return shared
}

function startDecoder(): Decoder {
  const worker = new Worker(ownScript(decoderUrl), { type: 'module' })
  const ready = Promise.withResolvers<void>()
  // Whoever waits for it hears of a failure; nobody else needs to.
  ready.promise.catch(() => {})
  let answer: ((decoded: { text: string | null; tookMs: number }) => void) | null = null
  worker.onmessage = ({ data }: MessageEvent<Decoded>) => {
    if (data.kind === 'ready') ready.resolve()
    else if (data.kind === 'failed') ready.reject(new Error(data.why))
    else answer?.(data)
  }
  worker.onerror = (event) => ready.reject(new Error(event.message))
  return {
    ready: ready.promise,
    decode: (bitmap, hard) =>
      new Promise((resolve) => {
        answer = resolve
        const frame: Frame = { bitmap, hard }
        worker.postMessage(frame, [bitmap])
      }),
  }
}
