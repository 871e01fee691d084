import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { SEARCH_MIN } from '../../../core/search.ts'
import type { Found } from '../engine/engine.ts'
import { failureWords } from '../failure-words.ts'
import { Icon } from '../parts/icon.tsx'
import { PinPad } from '../parts/pin-pad.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { searchFor } from '../search-request.ts'
import { number, words } from '../words/language.ts'

type Result =
  | { kind: 'nothing asked' }
  | { kind: 'searching' }
  | { kind: 'found'; items: Found[]; onDevice: boolean }
  | { kind: 'failed'; why: string }

export function SearchScreen() {
  const { engine, sheet } = useScanner()
  const t = words.value.search
  const text = useSignal(searchFor.peek())
  const result = useSignal<Result>({ kind: 'nothing asked' })
  const wanted = text.value.trim()

  useEffect(() => {
    searchFor.value = ''
  }, [])
  useEffect(() => {
    if ([...wanted].length < SEARCH_MIN) {
      result.value = { kind: 'nothing asked' }
      return
    }
    let isLatest = true
    // Not at each letter: the next one is on its way.
    const timer = setTimeout(async () => {
      result.value = { kind: 'searching' }
      const answer = await engine.search(wanted)
      if (!isLatest) return
      result.value = answer.ok
        ? { kind: 'found', items: answer.value.items, onDevice: answer.value.from === 'device' }
        : { kind: 'failed', why: failureWords(answer.failure) }
    }, 250)
    return () => {
      isLatest = false
      clearTimeout(timer)
    }
  }, [wanted])

  return (
    <Sheet title={t.title} back={() => (sheet.value = null)}>
      <label>
        {t.label}
        <input
          type="search"
          // What was typed before is looked up at once: a keyboard would lie over what is found.
          data-first={text.peek() === '' ? true : undefined}
          value={text.value}
          onInput={({ currentTarget }) => (text.value = currentTarget.value)}
          autocomplete="off"
          spellcheck={false}
          aria-describedby="search-state"
        />
      </label>
      <p id="search-state" class="hint" role="status">
        {stateWords(result.value)}
      </p>
      {result.value.kind === 'found' && (
        <ul class="found">
          {result.value.items.map((item) => (
            <FoundTicket key={item.ticketId} item={item} />
          ))}
        </ul>
      )}
      <NamesOnDevice />
    </Sheet>
  )
}

function stateWords(result: Result): string {
  const t = words.value.search
  switch (result.kind) {
    case 'nothing asked':
      return t.least
    case 'searching':
      return t.searching
    case 'failed':
      return result.why
    case 'found':
      return [result.items.length === 0 ? t.nothing : '', result.onDevice ? t.fromDevice : ''].filter(Boolean).join(' ')
  }
}

function FoundTicket({ item }: { item: Found }) {
  const { status, present, sheet } = useScanner()
  const t = words.value.search
  const isSupervisor = status.value.enrolment?.staff.role === 'supervisor'
  const letIn = async () => {
    sheet.value = null
    await present({ what: { ticketId: item.ticketId }, source: 'manual' })
  }
  return (
    <li>
      <div>
        <strong>{item.name ?? item.shortCode}</strong>
        <p>
          {item.typeName} · <span class="code">{item.shortCode}</span>
        </p>
        <p class="tags">
          {item.status !== 'valid' && <span class="tag bad">{t.statuses[item.status]}</span>}
          {item.inside > 0 && <span class="tag">{t.inside}</span>}
          {item.inside === 0 && item.entries > 0 && <span class="tag">{t.cameIn}</span>}
        </p>
      </div>
      {isSupervisor ? (
        <button type="button" class="primary" onClick={letIn}>
          {t.letIn}
        </button>
      ) : (
        <small class="hint">{t.onlySupervisor}</small>
      )}
    </li>
  )
}

/** A supervisor may load the names; they rest locked, and are open only as long as the app is. */
function NamesOnDevice() {
  const { engine, status, hasPin } = useScanner()
  const { search: t, pin: pinWords } = words.value
  const asking = useSignal(false)
  const loaded = useSignal<number | null>(null)
  const { names, enrolment } = status.value
  if (enrolment?.staff.role !== 'supervisor') return null
  if (names === 'unlocked') {
    return (
      <button type="button" class="plain wide" onClick={() => engine.lockNames()}>
        <Icon name="lock" />
        {t.lock}
      </button>
    )
  }
  const unlock = async (pin: string) => {
    const done = await engine.unlockNames(pin, (count) => {
      loaded.value = count
    })
    if (!done.ok) return failureWords(done.failure)
    loaded.value = done.value.names
    asking.value = false
    return null
  }
  return (
    <section class="card">
      <p>{t.unlockWhy}</p>
      {loaded.value !== null && (
        <p role="status">
          {t.loaded}
          {number(loaded.value)}
        </p>
      )}
      <button type="button" class="wide" disabled={!hasPin.value} onClick={() => (asking.value = true)}>
        {t.unlock}
      </button>
      {!hasPin.value && <p class="hint">{pinWords.none}</p>}
      {asking.value && <PinPad title={pinWords.enter} onPin={unlock} onCancel={() => (asking.value = false)} />}
    </section>
  )
}
