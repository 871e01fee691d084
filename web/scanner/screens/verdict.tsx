import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { canBeForced } from '../../../core/verdict.ts'
import type { Shown } from '../engine/shown.ts'
import type { Enrolment } from '../engine/status.ts'
import { later } from '../later.ts'
import { outcomeOf, outcomes } from '../outcomes.ts'
import { Icon } from '../parts/icon.tsx'
import { Stepper } from '../parts/stepper.tsx'
import { type Asked, useScanner } from '../scanner.ts'
import { number, words } from '../words/language.ts'
import { refusalDetails, undecidedDetails } from './refusal-details.ts'

type Props = { shown: Shown; asked: Asked }

/** One answer, over the whole screen: a colour, an icon, a word, and then whatever helps. */
export function VerdictScreen({ shown, asked }: Props) {
  const { dismiss, linger } = useScanner()
  const { outcomes: says, verdict: t } = words.value
  const name = outcomeOf(shown.verdict)
  const { tone, icon } = outcomes[name]
  const [word, sentence] = says[name]
  const next = useRef<HTMLButtonElement>(null)
  // Before it is painted: whoever sees the answer may press Enter at once.
  useLayoutEffect(() => next.current?.focus(), [])
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !document.querySelector('dialog')) dismiss()
    }
    addEventListener('keydown', hear)
    return () => removeEventListener('keydown', hear)
  }, [dismiss])
  return (
    <main class="verdict" data-tone={tone} data-outcome={name} onPointerDown={linger}>
      <div class="verdict-said" role="alert">
        <Icon name={icon} big />
        <h1>{word}</h1>
        <p class="sentence">{sentence}</p>
        <Details shown={shown} />
      </div>
      <div class="verdict-actions">
        <Actions shown={shown} asked={asked} />
        <button ref={next} type="button" class="primary wide" onClick={dismiss}>
          {t.next}
        </button>
      </div>
    </main>
  )
}

function Details({ shown }: { shown: Shown }) {
  const { status } = useScanner()
  const t = words.value.verdict
  const { verdict, ticket } = shown
  return (
    <>
      {ticket?.attention && (
        <p class="look">
          <Icon name="warning" />
          {t.look}
        </p>
      )}
      {ticket?.notes.map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
      {ticket && (
        <p class="who">
          {ticket.who && <strong>{ticket.who}</strong>}
          <span>{ticket.typeName}</span>
        </p>
      )}
      <ul class="facts">
        {factsOf(shown, status.value.enrolment?.staff).map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
      {verdict.kind === 'undecided' && <p class="note">{t.nobodyIn}</p>}
      {shown.judgedBy === 'device' && verdict.kind !== 'undecided' && (
        <p class="by-device">
          <Icon name="cloud" />
          {t.byDevice}
        </p>
      )}
    </>
  )
}

/** What is told beside the word, a line each. */
function factsOf(shown: Shown, self: Enrolment['staff'] | undefined): string[] {
  const { verdict: t, outcomes: says } = words.value
  const { verdict, ticket } = shown
  const facts: string[] = []
  switch (verdict.kind) {
    case 'admitted':
      if (verdict.people > 1 || verdict.remaining > 0) facts.push(t.people + number(verdict.people))
      if (verdict.remaining > 0) facts.push(t.remaining + number(verdict.remaining))
      if (verdict.forced) facts.push(t.forced)
      if (verdict.overruled) facts.push(t.overruled + says[verdict.overruled][0])
      if (verdict.overfull) facts.push(t.overfull)
      break
    case 'exited':
      if (verdict.people > 1) facts.push(t.people + number(verdict.people))
      break
    case 'visited':
      if (verdict.visit !== null) facts.push(t.visit + number(verdict.visit))
      break
    case 'refused':
      facts.push(...refusalDetails(verdict.refusal, shown.at, self))
      break
    case 'undecided':
      facts.push(...undecidedDetails(verdict.because, shown.at))
      break
  }
  const told = verdict.kind === 'admitted' ? verdict.people + verdict.remaining : 1
  if (ticket?.quantity && ticket.quantity > told) facts.push(t.quantity + number(ticket.quantity))
  if (shown.replay) facts.push(t.replay)
  return facts
}

function Actions({ shown, asked }: Props) {
  const { status, present, askPin, hasPin } = useScanner()
  const t = words.value.verdict
  const question = useSignal<'force' | 'annul' | null>(null)
  const more = useSignal(1)
  const { verdict } = shown
  const dialogs = later.value
  const isSupervisor = status.value.enrolment?.staff.role === 'supervisor'
  if (verdict.kind === 'admitted') {
    return (
      <>
        {verdict.remaining > 0 && (
          <div class="more">
            <Stepper
              label={words.value.door.party}
              value={more.value}
              max={verdict.remaining}
              onChange={(n) => (more.value = n)}
            />
            <button type="button" class="wide" onClick={() => present({ ...asked, people: more.value })}>
              {t.letMoreIn}
            </button>
          </div>
        )}
        <button type="button" class="plain wide" onClick={() => (question.value = 'annul')}>
          {t.takeBack}
        </button>
        {question.value === 'annul' && dialogs && (
          <dialogs.AnnulDialog shown={shown} onClose={() => (question.value = null)} />
        )}
      </>
    )
  }
  if (verdict.kind !== 'refused' || !canBeForced(verdict.refusal.reason)) return null
  if (!isSupervisor) return <p class="hint">{t.askSupervisor}</p>
  const force = async () => {
    if (!hasPin.value || (await askPin())) question.value = 'force'
  }
  return (
    <>
      <button type="button" class="plain wide" onClick={force}>
        <Icon name="lock" />
        {t.force}
      </button>
      {question.value === 'force' && dialogs && (
        <dialogs.ForceDialog asked={asked} onClose={() => (question.value = null)} />
      )}
    </>
  )
}
