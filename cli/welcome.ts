import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { qrText } from '../core/qr.ts'
import { connect } from './api.ts'
import { type Demo, demoSupervisor } from './demo.ts'
import { Failure } from './failure.ts'
import { stateFiles, writeStateFile } from './state-folder.ts'

type Ticket = {
  id: string
  reference: string | null
  type: string
  holder?: { name?: string | null } | null
  standings?: { entries: number }[]
}

/** Gives what a newcomer reads when the server is up, on one screen: where to go, and a first scan to try. */
export async function welcome(demo: Demo, stateDir: string): Promise<string> {
  const { url, eventId, organisationKey, title, tickets } = demo
  const api = connect(url, organisationKey)
  const { data: enrolment } = await api.post<{ data: { url: string } }>(`/api/events/${eventId}/enrolments`, {
    staffId: demoSupervisor,
  })
  const ticket = await unusedTicket(demo)
  const qr = await api.get<{ qr_token: string; qr_image: string }>(
    `/api/events/${eventId}/tickets/${ticket.id}/qr?format=png`,
  )
  writeStateFile(stateDir, stateFiles.ticket, Buffer.from(qr.qr_image.split(',')[1] ?? '', 'base64'))

  const drawing = qrText(qr.qr_token, 'M').replaceAll(/^/gm, '  ')
  const options = stateDir === '.state' ? '' : ` --state ${stateDir}`
  return `Admit One is ready at ${url}

  Console            ${url}/console (sign in with the key below)
  API                ${url}/docs
  Event              ${title}, ${tickets.toLocaleString('en')} tickets: ${eventId}
  Organisation key   ${organisationKey}
  Scanner            ${enrolment.url}
                     (once, for ten minutes; the enrolment code is what follows enrol=)

${process.stdout.isTTY ? drawing : stripVTControlCharacters(drawing)}

  ${[ticket.holder?.name, ticket.type, ticket.reference].filter(Boolean).join(' · ')}
  Let them in, and then try it a second time:

    npx admit scan ${join(stateDir, stateFiles.ticket)} --gate GATE-A${options}

  Ctrl-C stops the server; everything is kept in ${stateDir}.`
}

// Whoever starts the server again wants to see somebody enter again.
async function unusedTicket({ url, eventId, organisationKey }: Demo): Promise<Ticket> {
  const api = connect(url, organisationKey)
  const path = `/api/events/${eventId}/tickets`
  const { data } = await api.get<{ data: { items: Ticket[] } }>(`${path}?type=standard&status=valid&limit=20`)
  for (const { id } of data.items) {
    const { ticket } = (await api.get<{ data: { ticket: Ticket } }>(`${path}/${id}`)).data
    if (!ticket.standings?.some(({ entries }) => entries > 0)) return ticket
  }
  const [first] = data.items
  if (!first) throw new Failure(`The demo event ${eventId} has no valid standard ticket any more.`)
  return first
}
