import { useEvent } from '../event.ts'
import { instantIn, listIn, numberIn, textIn } from '../manage/form.tsx'
import { SetupScreen } from '../manage/setup.tsx'
import type { TicketType } from '../manage/things.ts'
import { nameIn } from '../names.ts'
import { localAt } from '../times.ts'
import { moment, money, number, words } from '../words/language.ts'

const t = words.value.ticketTypes

/** What is sold. */
export default function TicketTypesScreen() {
  const { event } = useEvent()
  const { timezone, zones } = event
  const zoneName = (id: string) => nameIn(zones, id)
  return (
    <SetupScreen<TicketType>
      what="ticket-types"
      title={t.ticketTypes}
      one={t.aTicketType}
      icon="type"
      why={t.whatIsSoldA}
      idHint={t.yourOwnWordFor}
      nameHint={t.asItStandsOn}
      idAsked="typeId"
      columns={[
        { title: t.admits, isNumber: true, cell: ({ admits }) => admits },
        { title: t.atMost, isNumber: true, cell: ({ capacity }) => (capacity === null ? '–' : number(capacity)) },
        { title: t.price, isNumber: true, cell: ({ price }) => (price ? money(price.amount, price.currency) : '–') },
        { title: t.zones, cell: (type) => type.zones.map(zoneName).join(', ') },
        {
          title: t.valid,
          cell: ({ validFrom, validUntil }) =>
            validFrom || validUntil
              ? `${validFrom ? moment(validFrom, timezone) : '…'} – ${validUntil ? moment(validUntil, timezone) : '…'}`
              : t.always,
        },
      ]}
      fields={[
        { name: 'admits', label: t.peoplePerTicket, kind: 'number', hint: t.aFamilyTicketMay },
        {
          name: 'capacity',
          label: t.atMost,
          kind: 'number',
          isOptional: true,
          hint: t.howManyPeopleMay,
        },
        {
          name: 'zones',
          label: t.zonesItOpens,
          kind: 'several',
          hint: t.intoWhichPlacesIt,
          options: zones.map(({ id, name }) => ({ value: id, label: name })),
        },
        {
          name: 'validFrom',
          label: t.validFrom,
          kind: 'instant',
          isOptional: true,
          hint: t.earlierItIsRefused(timezone),
        },
        {
          name: 'validUntil',
          label: t.validUntil,
          kind: 'instant',
          isOptional: true,
          hint: t.afterwardsItIsRefused,
        },
        {
          name: 'amount',
          asked: 'price',
          label: t.priceAtTheDoor,
          kind: 'number',
          isOptional: true,
          hint: t.whatStewardsTakeWhen,
        },
        { name: 'currency', label: t.currency, kind: 'text', isOptional: true, hint: t.threeLettersEurUsd },
        {
          name: 'requiresAttention',
          label: t.callAttention,
          kind: 'check',
          hint: t.theStewardIsShown,
        },
        { name: 'note', label: t.noteForTheSteward, kind: 'long', isOptional: true, hint: t.shownAtEachScan },
      ]}
      valuesOf={(type) => ({
        admits: String(type?.admits ?? 1),
        capacity: type?.capacity == null ? '' : String(type.capacity),
        zones: type?.zones ?? [zones[0]?.id ?? 'main'],
        validFrom: type?.validFrom ? localAt(type.validFrom, timezone) : '',
        validUntil: type?.validUntil ? localAt(type.validUntil, timezone) : '',
        amount: type?.price ? String(type.price.amount / minorUnits(type.price.currency)) : '',
        currency: type?.price?.currency ?? '',
        requiresAttention: type?.requiresAttention ?? false,
        note: type?.note ?? '',
      })}
      bodyOf={(values) => {
        const amount = numberIn(values, 'amount')
        return {
          admits: numberIn(values, 'admits') ?? 1,
          capacity: numberIn(values, 'capacity'),
          zones: listIn(values, 'zones'),
          validFrom: instantIn(values, 'validFrom', timezone),
          validUntil: instantIn(values, 'validUntil', timezone),
          price: amount === null ? null : priceOf(amount, textIn(values, 'currency')),
          requiresAttention: values.requiresAttention === true,
          note: textIn(values, 'note'),
        }
      }}
    />
  )
}

/** Prices travel in minor units. */
function priceOf(amount: number | string, currency: string | null) {
  const code = currency?.toUpperCase() ?? null
  return { amount: typeof amount === 'number' ? Math.round(amount * minorUnits(code)) : amount, currency: code }
}

/** How many of them one unit has: 100 cents, but 1 yen and 1000 fils. */
function minorUnits(currency: string | null): number {
  // What is no currency is told by the server, at its field.
  if (!currency || !/^[A-Z]{3}$/.test(currency)) return 100
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
  return 10 ** maximumFractionDigits
}
