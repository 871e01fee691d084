/**
 * Files as people have them, oddity by oddity, and what each must come to. `tickets` is what the rows say, in the order
 * of the file, as far as it is told here; `errors` are the lines and fields that are named, and a part of the reason.
 */
export type CsvCase = {
  oddity: string
  file: string | Uint8Array
  query?: Record<string, string>
  tickets?: Record<string, unknown>[]
  errors?: [row: number, field: string, reason: string][]
  /** What is said of the file where it cannot be used at all. */
  refused?: string
}

const bytes = (...parts: (number | string)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part].map((c) => c.charCodeAt(0)))))

const utf16 = (text: string, isLittle: boolean, withMark = true) =>
  Uint8Array.from(
    [...(withMark ? `\ufeff${text}` : text)].flatMap((c) => {
      const unit = c.charCodeAt(0)
      return isLittle ? [unit & 255, unit >> 8] : [unit >> 8, unit & 255]
    }),
  )

const utf8 = (text: string) => new TextEncoder().encode(text)

const plain = 'reference,type,name\nA-1,standard,Ada\nA-2,vip,Bo\n'
const ada = { reference: 'A-1', type: 'standard', holder: { name: 'Ada', email: null } }
const bo = { reference: 'A-2', type: 'vip', holder: { name: 'Bo', email: null } }
const named = (name: string) => ({ holder: { name, email: null } })

export const csvCorpus: CsvCase[] = [
  { oddity: 'a plain file', file: plain, tickets: [ada, bo] },
  { oddity: 'no line end at its end', file: plain.trimEnd(), tickets: [ada, bo] },
  { oddity: 'a mark at its beginning', file: utf8(`\ufeff${plain}`), tickets: [ada, bo] },
  { oddity: 'semicolons', file: plain.replaceAll(',', ';'), tickets: [ada, bo] },
  { oddity: 'tabs', file: plain.replaceAll(',', '\t'), tickets: [ada, bo] },
  { oddity: 'upright bars', file: plain.replaceAll(',', '|'), tickets: [ada, bo] },
  {
    oddity: 'semicolons, with commas inside the cells',
    file: 'type;name\nstandard;Lovelace, Ada\nvip;Bo, a, b, c\n',
    tickets: [named('Lovelace, Ada'), named('Bo, a, b, c')],
  },
  { oddity: "Excel's line that names the delimiter", file: `sep=;\n${plain.replaceAll(',', ';')}`, tickets: [ada, bo] },
  { oddity: 'line ends of Windows', file: plain.replaceAll('\n', '\r\n'), tickets: [ada, bo] },
  { oddity: 'line ends of old Macs', file: plain.replaceAll('\n', '\r'), tickets: [ada, bo] },
  {
    oddity: 'all kinds of line ends, empty lines, and a wrong row whose line must be right all the same',
    file: 'reference,type\r\n\r\nA-1,standard\n\n\rA-2,vip\r\nA-3,balcony\r   \n\t\n,\n',
    tickets: [{ reference: 'A-1' }, { reference: 'A-2' }],
    errors: [[7, 'type', "none of the event's"]],
  },
  {
    oddity: 'quotation marks around everything, doubled inside',
    file: '"type","name"\n"standard","Ada ""the"" Lovelace"\n"vip",""""\n',
    tickets: [named('Ada "the" Lovelace'), named('"')],
  },
  {
    oddity: 'line breaks inside of quotation marks, after which lines still count right',
    file: 'type,name,note\nstandard,"Ada\nLovelace","one\r\ntwo\n\nthree"\nbalcony,Bo,\n',
    tickets: [{ ...named('Ada Lovelace'), note: 'one\ntwo\n\nthree' }],
    errors: [[7, 'type', 'none of']],
  },
  {
    oddity: 'blanks around quotation marks, and quotation marks in the middle',
    file: 'type,name\nstandard, "Ada" \nstandard,Bo "the Boss" Berg\nstandard,"Cy"x\n',
    tickets: [named('Ada'), named('Bo "the Boss" Berg'), named('"Cy"x')],
  },
  {
    oddity: 'a quotation mark that is never closed',
    file: 'reference,type,name\nA-1,standard,Ada\nA-2,vip,"Bo\nA-3,vip,Cy\n',
    tickets: [ada],
    errors: [[3, 'row', 'never closed']],
  },
  { oddity: 'UTF-8', file: utf8('type,name\nstandard,Łukasz Müller 𝒳\n'), tickets: [named('Łukasz Müller 𝒳')] },
  { oddity: 'Latin-1', file: bytes('type,name\nstandard,J', 0xfc, 'rgen\n'), tickets: [named('Jürgen')] },
  {
    oddity: 'Windows-1252',
    file: bytes('type,name,note\nstandard,Ren', 0xe9, 'e O', 0x92, 'Hara,', 0x80, ' 5\n'),
    tickets: [{ ...named('Renée O’Hara'), note: '€ 5' }],
  },
  { oddity: 'UTF-16, the low byte first', file: utf16(plain, true), tickets: [ada, bo] },
  { oddity: 'UTF-16, the high byte first', file: utf16(plain, false), tickets: [ada, bo] },
  { oddity: 'UTF-16 without a mark', file: utf16(plain, true, false), tickets: [ada, bo] },
  {
    oddity: 'UTF-8 in one row and Latin-1 in the next',
    file: Uint8Array.from([...utf8('type,name\nstandard,Łukasz\nstandard,'), 0xfc, ...utf8('\n')]),
    tickets: [named('Łukasz')],
    errors: [[3, 'name', 'save the file as UTF-8']],
  },
  {
    oddity: 'a NUL',
    file: 'type,name\nstandard,A\0da\nvip,Bo\n',
    tickets: [named('Bo')],
    errors: [[2, 'name', 'NUL']],
  },
  {
    oddity: 'a cell of one megabyte',
    file: `reference,type,name\nA-0,standard,${'x'.repeat(1024 * 1024)}\nA-1,standard,Ada\n`,
    tickets: [ada],
    errors: [[2, 'name', 'longer than']],
  },
  {
    oddity: 'a quoted cell of one megabyte with line breaks, in a column that nobody asked for',
    file: `reference,type,name,junk\nA-1,standard,Ada,"${'x,\n'.repeat(350_000)}"\nA-2,vip,Bo,\n`,
    tickets: [ada, bo],
  },
  {
    oddity: 'formulas, which stay text',
    file: 'type,name,note\nstandard,=HYPERLINK("http://evil.example"),+1\nstandard,@SUM(A1),-1+2\n',
    tickets: [
      { ...named('=HYPERLINK("http://evil.example")'), note: '+1' },
      { ...named('@SUM(A1)'), note: '-1+2' },
    ],
  },
  {
    oddity: 'formulas that were made harmless, as our own files have them',
    file: "type,name\nstandard,'=1+1\nstandard,'t Hooft\n",
    tickets: [named('=1+1'), named("'t Hooft")],
  },
  {
    oddity: 'rows with too many and too few cells',
    file: 'reference,type,name\nA-1,standard,Ada\nA-3,standard,Cy,extra\nA-4,standard\nA-2,vip,Bo,,\n',
    tickets: [ada, bo],
    errors: [
      [3, 'row', 'has 4 cells where the header has 3'],
      [4, 'row', 'has 2 cells where the header has 3'],
    ],
  },
  {
    oddity: 'columns that we do not know, which are left alone',
    file: 'Shoe size,type,Phone,name,,\n42,standard,+49 30 1,Ada,,x\n',
    tickets: [named('Ada')],
  },
  {
    oddity: 'a title above the header',
    file: 'Attendees of the Expo,,\nExported 2026-11-20,,\n\nreference,type,name\nA-1,standard,Ada\nA-2,balcony,Bo\n',
    tickets: [ada],
    errors: [[6, 'type', 'none of']],
  },
  {
    oddity: "Eventbrite's words",
    file: 'Order #,Attendee #,First Name,Last Name,Email,Quantity,Ticket Type,Barcode #\n77,901,Ada,Lovelace,ada@example.org,1,VIP,123456789\n',
    tickets: [
      {
        reference: '901',
        type: 'vip',
        holder: { name: 'Ada Lovelace', email: 'ada@example.org' },
        booking: { id: '77', name: null, email: null, quantity: 1 },
      },
    ],
  },
  {
    oddity: 'German words, in which the name is the family’s',
    file: 'Bestellnummer;Vorname;Name;E-Mail-Adresse;Ticketart;Bezahlt;Gültig ab;Bemerkung\nB-7;Jürgen;Groß;jg@example.de;Standard;nein;24.12.2026 18:30 Uhr;Gang\n',
    tickets: [
      {
        holder: { name: 'Jürgen Groß', email: 'jg@example.de' },
        status: 'unpaid',
        validFrom: '2026-12-24T17:30:00.000Z',
        note: 'Gang',
        booking: { id: 'B-7', name: null, email: null, quantity: null },
      },
    ],
  },
  {
    oddity: 'French words',
    file: 'Numéro de commande;Prénom;Nom;Courriel;Catégorie;Payé\nC-1;Zoé;Dupré;zoe@example.fr;vip;oui\n',
    tickets: [{ type: 'vip', holder: { name: 'Zoé Dupré', email: 'zoe@example.fr' }, status: 'valid' }],
  },
  {
    oddity: 'Spanish words',
    file: 'Pedido;Nombre;Apellidos;Correo electrónico;Tipo de entrada;Pagado\nP-1;Íñigo;Muñoz Ruiz;i@example.es;VIP;sí\n',
    tickets: [{ type: 'vip', holder: { name: 'Íñigo Muñoz Ruiz', email: 'i@example.es' }, status: 'valid' }],
  },
  {
    oddity: 'headers of their own, told beside it',
    file: 'Nummer,Was,Wer,E-Mail\nA-1,standard,Ada,not an address\n',
    query: { columns: JSON.stringify({ nummer: 'reference', Was: 'type', Wer: 'name', 'E-Mail': null }) },
    tickets: [ada],
  },
  {
    oddity: 'two columns for one field',
    file: 'type,Guest,Attendee\nstandard,Ada,Bo\n',
    refused: 'both stand for name',
  },
  { oddity: 'our own word beside another for it', file: 'type,name,Guest\nstandard,Ada,Bo\n', tickets: [named('Ada')] },
  { oddity: 'nothing at all', file: '', refused: 'is empty' },
  { oddity: 'only blanks', file: ' \n\r\n\t\n', refused: 'is empty' },
  { oddity: 'no header', file: 'Ada Lovelace,ada@example.org\nBo Berg,bo@example.org\n', refused: 'has no header' },
  { oddity: 'no column for the type', file: 'reference,name\nA-1,Ada\n', refused: 'no column for the ticket type' },
  { oddity: 'a header and nothing else', file: 'reference,type,name\n', tickets: [] },
  { oddity: 'an Excel workbook', file: bytes('PK', 3, 4, 'xl/workbook.xml'), refused: 'save it as CSV' },
  { oddity: 'a PDF', file: '%PDF-1.7 …', refused: 'is a PDF' },
  { oddity: 'JSON', file: '{"tickets":[{"type":"standard"}]}', refused: 'has no header' },
  { oddity: 'nothing but delimiters', file: `type,name\n${','.repeat(300_000)}\n`, refused: 'more than 100000 cells' },
  {
    oddity: 'ticket types by name and in any case',
    file: 'type\nSTANDARD\n vip \nVip\n',
    tickets: [{ type: 'standard' }, { type: 'vip' }, { type: 'vip' }],
  },
  {
    oddity: 'wrong addresses, numbers, dates and words, each named',
    file: `type,email,quantity,validFrom,validUntil,paid
standard,nobody,two,tomorrow,2026-02-30,perhaps
,,0,05/04/2026,2026-13-01 10:00,
standard,,1.5,46347.75,2026-11-21 25:00,yes
`,
    errors: [
      [2, 'email', 'must be an e-mail address'],
      [2, 'paid', 'yes or no'],
      [2, 'quantity', 'whole number'],
      [2, 'validFrom', 'must be a date'],
      [2, 'validUntil', 'no date that there is'],
      [3, 'type', 'is required'],
      [3, 'validFrom', 'two different days'],
      [3, 'validUntil', 'no date that there is'],
      [4, 'quantity', 'whole number'],
      [4, 'validFrom', 'must be a date'],
      [4, 'validUntil', 'no date that there is'],
    ],
  },
  {
    oddity: 'dates of all kinds, in the time zone of the event where they name none',
    file: `type,validFrom,validUntil
standard,2026-12-24T18:00:00Z,2026-12-24T18:00:00+05:30
standard,2026-07-01 18:00,2026-07-01T18:00:30.5
standard,2026-12-24,2026-12-24
standard,24.12.2026,24. 12. 2026 23:15
standard,24/12/2026 09:05,12/24/2026
`.replace('2026-12-24T18:00:00+05:30', '2026-12-25T18:00:00+05:30'),
    tickets: [
      { validFrom: '2026-12-24T18:00:00.000Z', validUntil: '2026-12-25T12:30:00.000Z' },
      { validFrom: '2026-07-01T16:00:00.000Z', validUntil: '2026-07-01T16:00:30.000Z' },
      { validFrom: '2026-12-23T23:00:00.000Z', validUntil: '2026-12-24T22:59:59.000Z' },
      { validFrom: '2026-12-23T23:00:00.000Z', validUntil: '2026-12-24T22:15:00.000Z' },
      { validFrom: '2026-12-24T08:05:00.000Z', validUntil: '2026-12-24T22:59:59.000Z' },
    ],
  },
  {
    oddity: 'paid in many words',
    file: `type,paid\n${['yes', 'TRUE', '1', 'x', 'ja', 'Bezahlt', 'payé', 'sí', '', 'paid'].map((word) => `vip,${word}`).join('\n')}\n${['no', 'false', '0', 'nein', 'offen', 'pending', 'Non', 'unpaid'].map((word) => `vip,${word}`).join('\n')}\n`,
    tickets: [...Array(18).keys()].map((i) => ({ status: i < 10 ? 'valid' : 'unpaid' })),
  },
  {
    oddity: 'a booking of several tickets, which tells in each row how many they are',
    file: 'type,name,bookingId,quantity\nstandard,Ada,B-1,2\nvip,Bo,B-1,2\n',
    tickets: [
      { admits: 1, booking: { id: 'B-1', name: null, email: null, quantity: 2 } },
      { admits: 1, booking: { id: 'B-1', name: null, email: null, quantity: 2 } },
    ],
  },
  {
    oddity: 'a party: one ticket that admits several',
    file: 'type,bookingId,quantity,admits\nstandard,B-1,4,4\nstandard,B-2,,3\n',
    tickets: [
      { admits: 4, booking: { id: 'B-1', name: null, email: null, quantity: 4 } },
      { admits: 3, booking: { id: 'B-2', name: null, email: null, quantity: null } },
    ],
  },
  {
    oddity: 'orders, of whose quantity the organiser says that it is how many people each ticket admits',
    file: 'Order;Ticket Type;Buyer;Qty\n77;VIP;Ada;3\n',
    query: { columns: '{"Qty": "admits"}' },
    tickets: [{ admits: 3, booking: { id: '77', name: 'Ada', email: null, quantity: null } }],
  },
  {
    oddity: 'a reference and a barcode that stand twice',
    file: 'type,reference,code\nvip,A-1,12345\nvip,A-1,67890\nvip,A-2,12345\n',
    tickets: [{ reference: 'A-1' }],
    errors: [
      [3, 'reference', 'stands in line 2 already'],
      [4, 'code', 'stands in line 2 already'],
    ],
  },
  {
    oddity: 'the same row again, which is another ticket where nothing names it',
    file: 'type,name\nstandard,Ada\nstandard,Ada\nstandard,Ada\n',
    tickets: [named('Ada'), named('Ada'), named('Ada')],
  },
]
