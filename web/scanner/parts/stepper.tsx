import { number, words } from '../words/language.ts'
import { Icon } from './icon.tsx'

type Props = { label: string; value: number; max: number; onChange: (value: number) => void }

/** How many people, with two thumbs' worth of button. */
export function Stepper({ label, value, max, onChange }: Props) {
  const { door } = words.value
  const step = (by: number) => onChange(Math.min(max, Math.max(1, value + by)))
  return (
    <fieldset class="stepper">
      <legend>{label}</legend>
      <button type="button" class="round" disabled={value <= 1} onClick={() => step(-1)} aria-label={door.fewer}>
        <Icon name="minus" />
      </button>
      <output aria-live="polite">{number(value)}</output>
      <button type="button" class="round" disabled={value >= max} onClick={() => step(1)} aria-label={door.more}>
        <Icon name="plus" />
      </button>
    </fieldset>
  )
}
