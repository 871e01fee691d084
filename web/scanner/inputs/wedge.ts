/** Between two characters of a hardware scanner; nobody types that fast for long. */
const GAP_MS = 60

/** Once it is known to be one, it may falter, as those do that send by radio. */
const FALTER_MS = 300

/** The least that counts as a scan: what is shorter was a person. In a field, where people type, it takes more. */
const LEAST = 6
const LEAST_IN_FIELD = 10

type Options = { onCode: (text: string) => void }

/**
 * Hears scanners that type what they read, wherever the focus is. A burst of keys without a pause that ends with Enter
 * or Tab is a code; everything else is typing and is left alone. What a scanner typed into a field is taken out again.
 * Gives what ends the listening.
 */
export function listenForWedge(target: Window, { onCode }: Options): () => void {
  let keys: { key: string; code: string; shift: boolean }[] = []
  let lastAt = 0
  let field: { element: HTMLInputElement | HTMLTextAreaElement; before: string } | null = null

  function hear(event: KeyboardEvent): void {
    if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return
    // The keys' own time: the page may have been busy in between.
    const patience = keys.length >= LEAST ? FALTER_MS : GAP_MS
    if (event.timeStamp - lastAt > patience) start(event)
    lastAt = event.timeStamp
    if (event.key === 'Shift' || event.key === 'CapsLock') return
    if (event.key === 'Enter' || event.key === 'Tab') finish(event)
    else if ([...event.key].length === 1) keys.push({ key: event.key, code: event.code, shift: event.shiftKey })
    else keys = []
    // From here on it is no person, and no button should hear it. In a field a person might yet be that fast.
    if (!field && keys.length >= LEAST) swallow(event)
  }

  function start(event: KeyboardEvent): void {
    keys = []
    const { target } = event
    const isField = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
    field = isField ? { element: target, before: target.value } : null
  }

  function finish(event: KeyboardEvent): void {
    const burst = keys
    keys = []
    if (burst.length < (field ? LEAST_IN_FIELD : LEAST)) return
    swallow(event)
    restore()
    onCode(textOf(burst))
  }

  function restore(): void {
    if (!field) return
    field.element.value = field.before
    field.element.dispatchEvent(new Event('input', { bubbles: true }))
  }

  target.addEventListener('keydown', hear, { capture: true })
  return () => target.removeEventListener('keydown', hear, { capture: true })
}

function swallow(event: KeyboardEvent): void {
  event.preventDefault()
  event.stopImmediatePropagation()
}

type Key = { key: string; code: string; shift: boolean }

/** Our own codes are letters and digits: where the layout made something else of them, the keys themselves tell. */
function textOf(burst: Key[]): string {
  const typed = burst.map(({ key }) => key).join('')
  if (/^A1[A-Z2-7]+$/i.test(typed)) return typed
  const pressed = burst.map(({ code }) => /^(?:Key|Digit|Numpad)(\w)$/.exec(code)?.[1] ?? '').join('')
  return pressed.length === burst.length && /^A1[A-Z2-7]{20,}$/.test(pressed) ? pressed : typed
}
