import { useSignal } from '@preact/signals'
import { number, words } from '../words/language.ts'
import { Dialog } from './dialog.tsx'

type Props = {
  title: string
  /** Gives what is wrong with the PIN, or null where it is right and the pad may go. */
  onPin: (pin: string) => Promise<string | null>
  onCancel: () => void
}

const MOST = 8

/** Ten keys, since a phone's own keyboard hides half of the screen; a real keyboard works too. */
export function PinPad({ title, onPin, onCancel }: Props) {
  const { pin: t } = words.value
  const pin = useSignal('')
  const wrong = useSignal<string | null>(null)
  const checking = useSignal(false)
  const add = (digit: string) => {
    wrong.value = null
    pin.value = (pin.value + digit).slice(0, MOST)
  }
  const check = async () => {
    if (checking.value) return
    checking.value = true
    wrong.value = await onPin(pin.value)
    checking.value = false
    pin.value = ''
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const onButton = event.target instanceof HTMLButtonElement
    if (/^\d$/.test(event.key)) add(event.key)
    else if (event.key === 'Backspace') pin.value = pin.value.slice(0, -1)
    else if (event.key === 'Enter' && !onButton) void check()
    else return
    if (event.key !== 'Enter') event.preventDefault()
  }
  return (
    <Dialog title={title} onClose={onCancel}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys of a real keyboard, beside the buttons */}
      <div class="pin-pad" onKeyDown={onKeyDown}>
        <output class="pin-dots" aria-label={`${t.title}: ${number(pin.value.length)}`}>
          {'●'.repeat(pin.value.length) || ' '}
        </output>
        <p class="wrong" role="alert">
          {wrong.value}
        </p>
        <div class="pin-keys" dir="ltr">
          {['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((digit) => (
            <button type="button" key={digit} onClick={() => add(digit)}>
              {number(Number(digit))}
            </button>
          ))}
          <button type="button" class="plain" onClick={() => (pin.value = '')}>
            {t.delete}
          </button>
          <button type="button" onClick={() => add('0')}>
            {number(0)}
          </button>
          <button type="button" class="primary" disabled={checking.value} onClick={check}>
            {t.ok}
          </button>
        </div>
        <button type="button" class="plain wide" onClick={onCancel}>
          {t.cancel}
        </button>
      </div>
    </Dialog>
  )
}
