import type { Decoder } from './decoder.ts'

/** One harder look in so many: it finds inverted and noisy codes, and takes two to three times as long. */
const HARD_EVERY = 4

/** How long a code must be out of view before it counts as held up again. */
const GONE_MS = 2000

export type Seen = {
  text: string
  /** When the frame it was found in reached us, by `performance.now()`. */
  frameAt: number
  decodeMs: number
}

type Options = {
  decoder: Decoder
  /** Whether a code could be taken now. What is not taken is seen again in the next frame. */
  isOpen: () => boolean
  onCode: (seen: Seen) => void
}

/** Looks for codes in what the video shows until it is told to stop. One frame is looked at at a time. */
export function watch(video: HTMLVideoElement, { decoder, isOpen, onCode }: Options): () => void {
  let stopped = false
  let frames = 0
  let last: { text: string; at: number } | null = null

  async function look(frameAt: number): Promise<void> {
    // Nobody could take a code now: no frame is worth the battery.
    if (!isOpen()) return
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0 || document.hidden) return
    const bitmap = await createImageBitmap(video)
    const { text, tookMs } = await decoder.decode(bitmap, ++frames % HARD_EVERY === 0)
    if (stopped || text === null || text === '') return
    const now = performance.now()
    const isHeldStill = last?.text === text && now - last.at < GONE_MS
    if (isHeldStill) last = { text, at: now }
    else if (isOpen()) {
      last = { text, at: now }
      onCode({ text, frameAt, decodeMs: tookMs })
    }
  }

  async function run(): Promise<void> {
    await decoder.ready
    while (!stopped) {
      const frameAt = await nextFrame(video)
      try {
        await look(frameAt)
      } catch (error) {
        // A frame that was lost while the camera was switched; the next one is on its way.
        if (!(error instanceof DOMException)) throw error
      }
    }
  }

  run().catch((error: unknown) => console.error('the camera is not watched any more', error))
  return () => {
    stopped = true
  }
}

function nextFrame(video: HTMLVideoElement): Promise<number> {
  return new Promise((resolve) => {
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback((now) => resolve(now))
    else requestAnimationFrame((now) => resolve(now))
  })
}
