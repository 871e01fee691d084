/** Why there is no picture, as a person can do something about it. */
export type CameraTrouble = 'denied' | 'none' | 'busy' | 'insecure' | 'other'

export type Camera = {
  stream: MediaStream
  deviceId: string | null
  /** Every camera of the device; their names are known once one was allowed. */
  choices: { id: string; name: string }[]
  torch: boolean
  zoom: { min: number; max: number; step: number; now: number } | null
  setTorch: (on: boolean) => Promise<void>
  setZoom: (zoom: number) => Promise<void>
  /** Focuses on what is in the middle, where the camera can be told to. */
  focus: () => Promise<void>
  stop: () => void
}

// What phones can do beyond the standard's base; TypeScript's own list ends before it.
type MoreCapabilities = { torch?: boolean; zoom?: { min: number; max: number; step?: number }; focusMode?: string[] }
type MoreConstraints = { torch?: boolean; zoom?: number; focusMode?: string }

/** Opens the camera that was chosen before, or the one that looks away from the person. */
export async function openCamera(chosen: string | null): Promise<Camera | CameraTrouble> {
  if (!navigator.mediaDevices?.getUserMedia) return 'insecure'
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } }
  const wishes: MediaTrackConstraints[] = [
    ...(chosen ? [{ ...size, deviceId: { exact: chosen } }] : []),
    { ...size, facingMode: { ideal: 'environment' } },
  ]
  let trouble: CameraTrouble = 'other'
  for (const video of wishes) {
    try {
      return await cameraOf(await navigator.mediaDevices.getUserMedia({ video, audio: false }))
    } catch (error) {
      trouble = troubleOf(error)
      // The chosen camera may have been unplugged; any other will do.
      if (trouble === 'denied') break
    }
  }
  return trouble
}

async function cameraOf(stream: MediaStream): Promise<Camera> {
  const [track] = stream.getVideoTracks()
  if (!track) throw new DOMException('no video', 'NotFoundError')
  const can = (track.getCapabilities?.() ?? {}) as MoreCapabilities
  const settings = track.getSettings() as MediaTrackSettings & { zoom?: number }
  const devices = await navigator.mediaDevices.enumerateDevices()
  const apply = (constraint: MoreConstraints) =>
    track.applyConstraints({ advanced: [constraint as MediaTrackConstraintSet] })
  if (can.focusMode?.includes('continuous')) await apply({ focusMode: 'continuous' }).catch(ignoreRefusal)
  return {
    stream,
    deviceId: settings.deviceId ?? null,
    choices: devices
      .filter(({ kind }) => kind === 'videoinput')
      .map(({ deviceId, label }, i) => ({ id: deviceId, name: label || `${i + 1}` })),
    torch: can.torch === true,
    zoom: can.zoom ? { ...can.zoom, step: can.zoom.step ?? 0.1, now: settings.zoom ?? can.zoom.min } : null,
    setTorch: (on) => apply({ torch: on }),
    setZoom: (zoom) => apply({ zoom }),
    focus: async () => {
      if (!can.focusMode?.includes('single-shot')) return
      await apply({ focusMode: 'single-shot' }).catch(ignoreRefusal)
      if (can.focusMode.includes('continuous')) await apply({ focusMode: 'continuous' }).catch(ignoreRefusal)
    },
    stop: () => {
      for (const one of stream.getTracks()) one.stop()
    },
  }
}

// Cameras promise focus modes that they then refuse; the picture is there all the same.
function ignoreRefusal(): void {}

function troubleOf(error: unknown): CameraTrouble {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
    default:
      return 'other'
  }
}
