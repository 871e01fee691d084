import { useEvent } from '../event.ts'
import { instantIn, listIn, numberIn, textIn } from '../manage/form.tsx'
import { SetupScreen } from '../manage/setup.tsx'
import type { TicketType } from '../manage/things.ts'
import { localAt } from '../times.ts'
import { moment, money, number } from '../words/language.ts'

/** What is sold. */
export default function TicketTypesScreen() {
  const { event } = useEvent()
  const { timezone, zones } = event
  return (
    <SetupScreen<TicketType>
      what="ticket-types"
      title="Ticket types"
      one="a ticket type"
      icon="type"
      why="What is sold. A type says how many people one ticket lets in, when, and into which zones."
      idHint="Your own word for it, such as vip. Import files may name it, and it cannot be changed later."
      idAsked="typeId"
      columns={[
        { title: 'Name', cell: ({ name }) => name },
        { title: 'Id', cell: ({ id }) => id },
        { title: 'Admits', isNumber: true, cell: ({ admits }) => admits },
        { title: 'At most', isNumber: true, cell: ({ capacity }) => (capacity === null ? '–' : number(capacity)) },
        { title: 'Price', isNumber: true, cell: ({ price }) => (price ? money(price.amount, price.currency) : '–') },
        { title: 'Zones', cell: (type) => type.zones.join(', ') },
        {
          title: 'Valid',
          cell: ({ validFrom, validUntil }) =>
            validFrom || validUntil
              ? `${validFrom ? moment(validFrom, timezone) : '…'} – ${validUntil ? moment(validUntil, timezone) : '…'}`
              : 'Always',
        },
      ]}
      fields={[
        { name: 'name', label: 'Name', kind: 'text', hint: 'As it stands on the ticket.' },
        { name: 'admits', label: 'People per ticket', kind: 'number', hint: 'A family ticket may let in four.' },
        {
          name: 'capacity',
          label: 'At most',
          kind: 'number',
          isOptional: true,
          hint: 'How many people may hold this type. Beyond that no more are issued or sold at the door.',
        },
        {
          name: 'zones',
          label: 'Zones it opens',
          kind: 'several',
          hint: 'Into which places it lets people.',
          options: zones.map(({ id, name }) => ({ value: id, label: name })),
        },
        {
          name: 'validFrom',
          label: 'Valid from',
          kind: 'instant',
          isOptional: true,
          hint: `Earlier it is refused as too early. Clocks of ${timezone}.`,
        },
        {
          name: 'validUntil',
          label: 'Valid until',
          kind: 'instant',
          isOptional: true,
          hint: 'Afterwards it is refused as expired.',
        },
        {
          name: 'amount',
          asked: 'price',
          label: 'Price at the door',
          kind: 'number',
          isOptional: true,
          hint: 'What stewards take when they sell one, such as 25.00.',
        },
        { name: 'currency', label: 'Currency', kind: 'text', isOptional: true, hint: 'Three letters: EUR, USD.' },
        {
          name: 'requiresAttention',
          label: 'Call attention',
          kind: 'check',
          hint: 'The steward is shown the note and has to look up before going on.',
        },
        { name: 'note', label: 'Note for the steward', kind: 'long', isOptional: true, hint: 'Shown at each scan.' },
      ]}
      valuesOf={(type) => ({
        name: type?.name ?? '',
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
          name: textIn(values, 'name') ?? '',
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
