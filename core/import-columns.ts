import { foldText } from './search.ts'

/** What a column of a sheet may be for us. A first and a last name make a name. */
export const importFields = [
  'reference',
  'type',
  'name',
  'firstName',
  'lastName',
  'email',
  'bookingId',
  'bookingName',
  'bookingEmail',
  'quantity',
  'admits',
  'validFrom',
  'validUntil',
  'paid',
  'code',
  'note',
] as const
export type ImportField = (typeof importFields)[number]

/** Other people's words for our fields, without case, marks, blanks and points: English, German, French, Spanish. */
const synonyms: Record<ImportField, string> = {
  reference: `ref ticketid ticketnumber ticketno ticketnr ticketref ticketreference attendeeid attendeeno attendeenumber
    id externalid uid uuid referenz ticketnummer kartennummer teilnehmernummer numerobillet numerodebillet
    numerodubillet idbillet referencia numerodeentrada identificador`,
  type: `tickettype category ticketcategory ticketname ticket product productname item itemname pass passtype
    admissiontype ticketclass typ tickettyp kategorie kartenart ticketart ticketkategorie produkt tarif typedebillet
    typebillet categorie billet formule produit tipo tipodeentrada categoria entrada tarifa producto`,
  name: `fullname attendee attendeename guest guestname holder holdername ticketholder participant participantname
    visitor visitorname teilnehmer teilnehmername gast besucher vollername nomcomplet nomduparticipant invite
    nometprenom prenometnom nombrecompleto asistente participante invitado nombreyapellidos nombreyapellido`,
  firstName: 'firstname givenname forename attendeefirstname vorname prenom nombre',
  lastName: 'lastname surname familyname attendeelastname nachname familienname nom nomdefamille apellido apellidos',
  email: `emailaddress mail mailaddress attendeeemail guestemail holderemail participantemail emailadresse mailadresse
    courriel adresseemail adressemail correo correoelectronico emaildelasistente`,
  bookingId: `booking bookingno bookingnumber bookingref bookingreference bookingcode order orderid orderno ordernumber
    orderref orderreference ordercode transactionid purchaseid bestellung bestellnummer bestellnr bestellid buchung
    buchungsnummer auftragsnummer commande numerodecommande numerocommande idcommande reservation
    numerodereservation pedido numerodepedido idpedido reserva numerodereserva`,
  bookingName: `ordername buyer buyername customer customername purchaser purchasername billingname payer besteller
    kaufer kaeufer kunde kundenname rechnungsname acheteur nomacheteur nomdelacheteur client nomduclient comprador
    nombredelcomprador cliente`,
  bookingEmail: `orderemail buyeremail customeremail purchaseremail billingemail kundenemail bestelleremail kauferemail
    kaeuferemail emailacheteur emailclient emailcomprador emailcliente`,
  quantity: `qty count tickets numberoftickets ticketcount ticketquantity anzahl menge anzahltickets stuck stueck
    quantite nombredebillets nbbillets cantidad numerodeentradas`,
  admits: `admit people persons pax partysize groupsize admitcount personen anzahlpersonen personnes nombredepersonnes
    personas numerodepersonas`,
  validFrom: 'validstart gultigab gueltigab gultigvon gueltigvon valablede valableapartirde validodesde desde',
  validUntil: `validto validthrough validend expires expiresat expiry expirydate expirationdate gultigbis gueltigbis
    valablejusquau valablejusqua expirele validohasta hasta caduca`,
  paid: `ispaid payment paymentstatus bezahlt zahlungsstatus paye payee statutdepaiement pagado pagada estadodepago`,
  code: `barcode barcodenumber barcodeno qrcode qr ticketcode securitycode strichcode codebarre codebarres codigo
    codigodebarras`,
  note: `notes comment comments remark remarks notiz bemerkung anmerkung kommentar hinweis remarque commentaire nota
    notas observaciones comentario`,
}

const known: ReadonlyMap<string, ImportField> = new Map(
  importFields.flatMap((field) => [
    [plain(field), field] as const,
    ...synonyms[field].split(/\s+/).map((word) => [word, field] as const),
  ]),
)

/** Which field each column of a file is for; null for one that is left alone. In the order of the columns. */
export type Columns = (ImportField | null)[]

/** What an organiser says of their columns: their header, and our field or null to leave it alone. */
export type ColumnMapping = ReadonlyMap<string, ImportField | null>

/** Takes what an organiser says of their columns, by their headers as they wrote them; gives what is looked up. */
export function columnMapping(said: Record<string, ImportField | null>): ColumnMapping {
  return new Map(Object.entries(said).map(([header, field]) => [plain(header), field]))
}

/** Takes any cells; gives how many of them are known as the headers of columns. */
export function knownHeaders(cells: readonly string[], mapping: ColumnMapping): number {
  return cells.filter((cell) => mapping.has(plain(cell)) || known.has(plain(cell))).length
}

/**
 * Takes the cells of a header; gives what each column is for, or in words what is wrong with it. Where our own word and
 * another's name one field, ours counts; where two others' do, nobody can know which is meant.
 */
export function readHeader(
  cells: readonly string[],
  mapping: ColumnMapping,
): { ok: true; columns: Columns } | { ok: false; message: string } {
  const claims = cells.map((cell) => claimOf(plain(cell), mapping))
  const columns: Columns = cells.map(() => null)
  for (const field of importFields) {
    const claimed = claims.flatMap((claim, i) => (claim?.field === field ? [{ ...claim, i }] : []))
    const strongest = Math.max(...claimed.map(({ strength }) => strength))
    const winners = claimed.filter(({ strength }) => strength === strongest)
    if (winners.length > 1) {
      const names = winners.map(({ i }) => `"${cells[i]?.trim()}"`).join(' and ')
      return { ok: false, message: `the columns ${names} both stand for ${field}: say with ?columns= which is meant` }
    }
    for (const { i } of winners) columns[i] = field
  }
  return { ok: true, columns }
}

/** Said by the organiser, our own word, or another's for it. */
function claimOf(header: string, mapping: ColumnMapping): { field: ImportField; strength: number } | null {
  const said = mapping.get(header)
  if (said !== undefined) return said === null ? null : { field: said, strength: 3 }
  const field = known.get(header)
  if (field === undefined) return null
  return { field, strength: header === plain(field) ? 2 : 1 }
}

function plain(header: string): string {
  return foldText(header.replaceAll('#', 'no')).replace(/[^\p{L}\p{N}]/gu, '')
}

const delimiters = [',', ';', '\t', '|'] as const

/**
 * Takes the beginning of a file and what the organiser says of its columns; gives the delimiter under which most of
 * some line's cells are headers that we know, and where none is known, the one that makes the most cells.
 */
export function detectDelimiter(head: string, mapping: ColumnMapping): string {
  const lines = head.split('\n').slice(0, HEADER_WITHIN)
  const said = /^sep=(.)$/i.exec(lines[0]?.trim() ?? '')?.[1]
  if (said) return said
  const score = (delimiter: string) =>
    Math.max(
      ...lines.map((line) => knownHeaders(cellsOf(line, delimiter), mapping) * 1000 + cellsOf(line, delimiter).length),
    )
  return delimiters.reduce<string>((best, one) => (score(one) > score(best) ? one : best), ',')
}

/** The header is looked for in so many rows: some sheets begin with a title. */
export const HEADER_WITHIN = 20

/** Roughly: good enough to recognise a header. */
function cellsOf(line: string, delimiter: string): string[] {
  return line
    .replace(/"[^"]*"/g, (quoted) => quoted.replaceAll(delimiter, ' '))
    .split(delimiter)
    .map((cell) => cell.replaceAll('"', '').slice(0, 100))
}
