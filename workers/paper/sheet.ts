import { makeZip } from 'client-zip'
import { defaultQrStyle, qrPng } from '../../core/qr.ts'
import type { SheetPlan } from '../../durable-objects/jobs/sheets.ts'
import type { TicketDetails } from '../../durable-objects/tickets/ticket-rows.ts'
import { codeOf } from '../codes.ts'
import type { Env } from '../env.ts'
import { filled, type Language, languageFor } from '../ticket-page/words.ts'
import { spanOf } from '../times.ts'
import { FontUse } from './font-use.ts'
import { closingPages, emptyPage, type Layout, type Printed } from './layouts.ts'
import { openSans } from './open-sans.ts'
import { writePdf } from './pdf.ts'
import { deflate, streamOf } from './streaming.ts'

/** What is put on paper: some tickets of an event, as they come. */
export type Sheet = { env: Env; plan: SheetPlan; tickets: AsyncIterable<TicketDetails> }

/** The tickets as a PDF, page by page as it is read. Nothing of a page is kept once it is written. */
export async function pdfOf(sheet: Sheet, layout: Layout, language: Language): Promise<ReadableStream<Uint8Array>> {
  const { font, name } = await openSans()
  const use = new FontUse(font, name)
  const written = use.writable(language.words.people) === null ? languageFor(null) : language
  return streamOf(writePdf(pagesOf(sheet, layout, written, use), use, sheet.plan.event.title, deflate))
}

/** The codes as PNGs in a ZIP, each named after its ticket's reference and short code. */
export function zipOf({ env, plan, tickets }: Sheet, size: number): ReadableStream<Uint8Array> {
  const style = { ...defaultQrStyle, size }
  async function* files() {
    for await (const ticket of tickets) {
      const input = await qrPng(await codeOf(env, plan.event.id, ticket), style, deflate)
      yield { name: `${fileName(ticket)}.png`, input, lastModified: new Date(ticket.issuedAt * 1000) }
    }
  }
  return makeZip(files(), { buffersAreUTF8: true })
}

/** Takes a ticket; gives a name that every file system takes. The short code makes it the only one. */
export function fileName({ reference, shortCode }: Pick<TicketDetails, 'reference' | 'shortCode'>): string {
  const safe = (reference ?? '')
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
  // 255 bytes is the most that file systems take, and a letter has up to four.
  return safe === '' ? shortCode : `${[...safe].slice(0, 50).join('')}-${shortCode}`
}

async function* pagesOf(
  { env, plan, tickets }: Sheet,
  layout: Layout,
  { words, tag }: Language,
  use: FontUse,
): AsyncGenerator<string> {
  const { event, types } = plan
  const typesById = new Map(types.map((type) => [type.id, type]))
  const written = (text: string | null | undefined) => (text ? use.writable(text) : null)
  const common = {
    title: written(event.title),
    when: written(spanOf(event, tag)) ?? '',
    where: written(event.location),
  }
  const unwritten: string[] = []
  let drawn = 0
  let waiting: Printed[] = []
  for await (const ticket of tickets) {
    drawn += 1
    const type = typesById.get(ticket.type)
    const wanted = ticket.holder.name ?? ticket.booking?.name ?? null
    const name = written(wanted)
    if (wanted !== null && name === null) unwritten.push(ticket.shortCode)
    waiting.push({
      ...common,
      code: await codeOf(env, event.id, ticket),
      name,
      type: written(type?.name),
      note: written(type?.note),
      admits: ticket.admits,
      shortCode: ticket.shortCode,
      reference: written(ticket.reference),
    })
    if (waiting.length < layout.perPage) continue
    yield layout.draw(use, words, waiting)
    waiting = []
  }
  if (waiting.length > 0) yield layout.draw(use, words, waiting)
  if (drawn === 0) yield emptyPage(use, use.writable(words.nothingToPrint) ?? '')
  const heading = filled(words.unwritten, { count: unwritten.length.toLocaleString(tag) })
  yield* closingPages(use, use.writable(heading) ?? '', unwritten)
}
