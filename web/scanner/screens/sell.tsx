import { useSignal } from '@preact/signals'
import type { ScanId, TypeId } from '../../../core/ids.ts'
import type { Sold, WalkIn } from '../engine/engine.ts'
import { failureWords } from '../failure-words.ts'
import { Sheet } from '../parts/sheet.tsx'
import { Stepper } from '../parts/stepper.tsx'
import { useScanner } from '../scanner.ts'
import { money, words } from '../words/language.ts'

type Method = WalkIn['payment']['method']
const methods: Method[] = ['cash', 'card', 'free']

/** A ticket for somebody who has none: what, how many, paid how; then its code to photograph. */
export function SellScreen() {
  const { status, sheet } = useScanner()
  const t = words.value.sell
  const sold = useSignal<Sold | null>(null)
  const back = () => (sheet.value = null)
  return (
    <Sheet title={t.title} back={back}>
      {status.value.ticketTypes.length === 0 && <p class="empty">{t.none}</p>}
      {sold.value ? (
        <SoldTicket sold={sold.value} onNext={() => (sold.value = null)} />
      ) : (
        status.value.ticketTypes.length > 0 && <Sale onSold={(ticket) => (sold.value = ticket)} />
      )}
    </Sheet>
  )
}

function Sale({ onSold }: { onSold: (sold: Sold) => void }) {
  const { engine, status } = useScanner()
  const t = words.value.sell
  const { ticketTypes } = status.value
  // Kept until it is answered: asked twice under one id, it is sold once.
  const scanId = useSignal(crypto.randomUUID() as string as ScanId)
  const typeId = useSignal<TypeId | null>(ticketTypes[0]?.id ?? null)
  const people = useSignal(1)
  const name = useSignal('')
  const method = useSignal<Method>('cash')
  const admit = useSignal(true)
  const working = useSignal(false)
  const wrong = useSignal<string | null>(null)
  const type = ticketTypes.find(({ id }) => id === typeId.value)
  // What is asked for now is another sale than what was asked for before.
  const edit = (change: () => void) => {
    change()
    scanId.value = crypto.randomUUID() as string as ScanId
  }

  const sell = async (event: Event) => {
    event.preventDefault()
    if (!type) return
    working.value = true
    wrong.value = null
    const holder = name.value.trim()
    const done = await engine.sellWalkIn({
      scanId: scanId.value,
      type: type.id,
      people: people.value,
      ...(holder ? { holder: { name: holder } } : {}),
      payment: { method: method.value },
      admit: admit.value,
    })
    working.value = false
    if (done.ok) onSold(done.value)
    else wrong.value = failureWords(done.failure)
  }

  return (
    <form class="sale" onSubmit={sell} aria-busy={working.value}>
      <fieldset class="choices">
        <legend>{t.type}</legend>
        {ticketTypes.map(({ id, name: typeName, price }) => (
          <label key={id} class="choice">
            <input
              type="radio"
              name="type"
              checked={id === typeId.value}
              onChange={() => edit(() => (typeId.value = id))}
            />
            <span>
              {typeName}
              {price && <small>{money(price.amount, price.currency)}</small>}
            </span>
          </label>
        ))}
      </fieldset>
      <Stepper label={t.people} value={people.value} max={20} onChange={(n) => edit(() => (people.value = n))} />
      <fieldset class="segments">
        <legend>{t.payment}</legend>
        {methods.map((one) => (
          <label key={one}>
            <input
              type="radio"
              name="method"
              checked={method.value === one}
              onChange={() => edit(() => (method.value = one))}
            />
            <span>{t.methods[one]}</span>
          </label>
        ))}
      </fieldset>
      <label>
        {t.name}
        <input
          value={name.value}
          maxLength={200}
          autocomplete="off"
          onInput={({ currentTarget }) => edit(() => (name.value = currentTarget.value))}
        />
      </label>
      <label class="tick">
        <input type="checkbox" checked={admit.value} onChange={() => edit(() => (admit.value = !admit.value))} />
        {t.admit}
      </label>
      {type?.price && method.value !== 'free' && (
        <p class="total">
          {t.total}
          <strong>{money(type.price.amount * people.value, type.price.currency)}</strong>
        </p>
      )}
      <p class="wrong" role="alert">
        {wrong.value}
      </p>
      <button type="submit" class="primary wide" disabled={working.value}>
        {working.value ? t.selling : t.submit}
      </button>
    </form>
  )
}

function SoldTicket({ sold, onNext }: { sold: Sold; onNext: () => void }) {
  const t = words.value.sell
  return (
    <section class="sold">
      <p class="headline" role="status">
        {sold.admitted ? t.soldIn : t.sold}
      </p>
      <img class="qr" src={sold.qr.svg} alt={t.show} width="342" height="342" />
      <p>{t.show}</p>
      <p>
        {t.shortCode}
        <strong class="code">{sold.ticket.shortCode}</strong>
      </p>
      <button type="button" class="primary wide" onClick={onNext}>
        {t.another}
      </button>
    </section>
  )
}
