/** What the page sends: a frame of the camera, and whether to look harder than usual. */
export type Frame = { bitmap: ImageBitmap; hard: boolean }

/** What comes back: the text of the code in the frame, or null. `ready` or `failed` is sent once, before anything else. */
export type Decoded =
  | { kind: 'ready' }
  | { kind: 'failed'; why: string }
  | { kind: 'decoded'; text: string | null; tookMs: number }
