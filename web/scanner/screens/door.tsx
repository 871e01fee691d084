import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { Stepper } from '../parts/stepper.tsx'
import { Viewfinder } from '../parts/viewfinder.tsx'
import { useScanner } from '../scanner.ts'
import { words } from '../words/language.ts'

/** Where a scanner spends its life: the camera above, what a thumb needs below. */
export function DoorScreen({ isCovered }: { isCovered: boolean }) {
  const { status, sheet, shown, party, present, isOpen } = useScanner()
  const { door: t, gate: gateWords } = words.value
  const { gate, ticketTypes, enrolment } = status.value
  const heading = useRef<HTMLHeadingElement>(null)
  const used = useRef<HTMLElement | null>(null)
  const wasAnswered = useRef(false)
  const isAnswered = shown.value !== null
  // Whoever closes a sheet is where they opened it; after an answer they are at the door's top again, not nowhere. Before it
  // is painted: it must not take the focus from what somebody went to meanwhile.
  useLayoutEffect(() => {
    if (isCovered) {
      wasAnswered.current = isAnswered
      return
    }
    const there = wasAnswered.current ? heading : used
    const back = there.current ?? heading.current
    back?.focus()
  }, [isCovered, isAnswered])
  const most = Math.max(1, ...ticketTypes.map(({ admits }) => admits))
  return (
    <main
      class="door"
      aria-hidden={isCovered}
      onFocusIn={({ target }) => {
        if (target instanceof HTMLButtonElement) used.current = target
      }}
    >
      <h1 ref={heading} tabIndex={-1} class="visually-hidden">
        {t.title}: {gate?.name ?? gateWords.title}
      </h1>
      <Viewfinder
        isOpen={isOpen}
        onCode={({ text, frameAt }) => present({ what: { text }, source: 'camera' }, frameAt)}
      />
      <div class="thumb">
        <button type="button" class="gate-button" onClick={() => (sheet.value = 'gate')}>
          <Icon name="gate" />
          <span>
            <strong>{gate?.name ?? gateWords.title}</strong>
            <small>{enrolment?.event.title}</small>
          </span>
        </button>
        {gate?.kind === 'both' && <Direction />}
        {most > 1 && <Stepper label={t.party} value={party.value} max={most} onChange={(n) => (party.value = n)} />}
        <nav class="tools" aria-label={t.menu}>
          <button type="button" onClick={() => (sheet.value = 'manual')}>
            <Icon name="keyboard" />
            {t.type}
          </button>
          <button type="button" onClick={() => (sheet.value = 'search')}>
            <Icon name="search" />
            {t.search}
          </button>
          <button type="button" onClick={() => (sheet.value = 'sell')}>
            <Icon name="sell" />
            {t.sell}
          </button>
          <button type="button" onClick={() => (sheet.value = 'menu')}>
            <Icon name="menu" />
            {t.menu}
          </button>
        </nav>
      </div>
    </main>
  )
}

/** At a gate for both ways. By itself lets out whoever is inside and lets in whoever is not. */
function Direction() {
  const { direction } = useScanner()
  const { door: t } = words.value
  const choices = [
    ['entry', t.entry],
    [null, t.automatic],
    ['exit', t.exit],
  ] as const
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{t.direction}</legend>
      {choices.map(([value, label]) => (
        <label key={label}>
          <input
            type="radio"
            name="direction"
            checked={direction.value === value}
            onChange={() => (direction.value = value)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  )
}
