import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type Camera, type CameraTrouble, openCamera } from '../camera/camera.ts'
import { decoder } from '../camera/decoder.ts'
import { type Seen, watch } from '../camera/watch.ts'
import { change, settings } from '../settings.ts'
import { words } from '../words/language.ts'
import { Icon } from './icon.tsx'

type Props = {
  onCode: (seen: Seen) => void
  /** Whether a code could be taken now. */
  isOpen: () => boolean
  /** Without any control: at a turnstile nobody is there to use them. */
  bare?: boolean
}

type State = { kind: 'starting' } | { kind: 'running'; camera: Camera } | { kind: 'trouble'; trouble: CameraTrouble }

/** The camera's picture with what belongs to it: light, zoom, and what to do where there is none. */
export function Viewfinder({ onCode, isOpen, bare = false }: Props) {
  const video = useRef<HTMLVideoElement>(null)
  const state = useSignal<State>({ kind: 'starting' })
  const attempt = useSignal(0)
  const torch = useSignal(false)
  const { cameraId, zoom } = settings.value
  const latest = useRef({ onCode, isOpen })
  latest.current = { onCode, isOpen }

  useEffect(() => {
    let left = false
    let leave = () => {}
    state.value = { kind: 'starting' }
    torch.value = false
    const start = async () => {
      const camera = await openCamera(cameraId)
      if (typeof camera === 'string') {
        if (!left) state.value = { kind: 'trouble', trouble: camera }
        return
      }
      const element = video.current
      if (left || !element) return camera.stop()
      leave = show(camera, element)
    }
    const show = (camera: Camera, element: HTMLVideoElement) => {
      element.srcObject = camera.stream
      // Refused only where the page is hidden; it plays when it is seen again.
      element.play().catch(() => {})
      if (camera.zoom && zoom !== null) void camera.setZoom(zoom)
      // Unplugged, or taken by the system: say so instead of a frozen picture.
      camera.stream.getVideoTracks()[0]?.addEventListener('ended', () => {
        state.value = { kind: 'trouble', trouble: 'busy' }
      })
      state.value = { kind: 'running', camera }
      const stopWatching = watch(element, {
        decoder: decoder(),
        isOpen: () => latest.current.isOpen(),
        onCode: (seen) => latest.current.onCode(seen),
      })
      return () => {
        stopWatching()
        camera.stop()
      }
    }
    void start()
    return () => {
      left = true
      leave()
    }
  }, [cameraId, attempt.value])

  const now = state.value
  return (
    <section class="viewfinder" aria-label={words.value.door.camera}>
      <video
        ref={video}
        muted
        playsInline
        hidden={now.kind !== 'running'}
        onClick={() => now.kind === 'running' && void now.camera.focus()}
      />
      {now.kind === 'starting' && <p class="hint">{words.value.door.starting}</p>}
      {now.kind === 'trouble' && <Trouble trouble={now.trouble} onRetry={() => attempt.value++} />}
      {now.kind === 'running' && (
        <>
          <span class="frame" aria-hidden="true" />
          {!bare && <p class="aim">{words.value.door.aim}</p>}
          {!bare && <Controls camera={now.camera} torch={torch} />}
        </>
      )}
    </section>
  )
}

function Controls({ camera, torch }: { camera: Camera; torch: { value: boolean } }) {
  const t = words.value.door
  const turn = async () => {
    await camera.setTorch(!torch.value)
    torch.value = !torch.value
  }
  return (
    <div class="camera-controls">
      {camera.torch && (
        <button type="button" class="round" aria-pressed={torch.value} aria-label={t.torch} onClick={turn}>
          <Icon name="torch" />
        </button>
      )}
      {camera.zoom && (
        <label class="zoom">
          <span>{t.zoom}</span>
          <input
            type="range"
            min={camera.zoom.min}
            max={camera.zoom.max}
            step={camera.zoom.step}
            value={settings.value.zoom ?? camera.zoom.now}
            onInput={({ currentTarget }) => {
              change({ zoom: currentTarget.valueAsNumber })
              void camera.setZoom(currentTarget.valueAsNumber)
            }}
          />
        </label>
      )}
      {camera.choices.length > 1 && (
        <button type="button" class="round" aria-label={t.camera} onClick={() => change({ cameraId: nextOf(camera) })}>
          <Icon name="camera" />
        </button>
      )}
    </div>
  )
}

function nextOf({ choices, deviceId }: Camera): string | null {
  const at = choices.findIndex(({ id }) => id === deviceId)
  return choices[(at + 1) % choices.length]?.id ?? null
}

function Trouble({ trouble, onRetry }: { trouble: CameraTrouble; onRetry: () => void }) {
  const [title, whatToDo] = words.value.cameraTrouble[trouble]
  return (
    <div class="trouble" role="alert">
      <Icon name="camera" big />
      <h2>{title}</h2>
      <p>{whatToDo}</p>
      <button type="button" onClick={onRetry}>
        {words.value.common.tryAgain}
      </button>
    </div>
  )
}
