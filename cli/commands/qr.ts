import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { qrText } from '../../core/qr.ts'
import { command, jsonArg } from '../command.ts'
import { apiOf, connectionArgs, findConnection } from '../connection.ts'
import { Failure, UsageFailure, whyNot } from '../failure.ts'
import { say } from '../output.ts'

type Answer = { qr_token: string; qr_image: string }

export const qr = command({
  name: 'qr',
  description: 'Draws the QR code of a ticket',
  args: {
    ticket: { type: 'positional', description: 'The id of the ticket', required: true },
    output: { type: 'string', alias: 'o', description: 'Write a .png or .svg file instead', valueHint: 'FILE' },
    size: { type: 'string', description: 'Width of the image in pixels (default 342)', valueHint: 'N' },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit qr 01a1fc37-f632-7fa5-821f-c5cf221a540e
  admit qr 01a1fc37-f632-7fa5-821f-c5cf221a540e -o ticket.png --size 684

  Whoever has the picture has the ticket: send it to its holder only.

EXIT CODES
  0 drawn   1 no such ticket, or the server did not answer   2 wrong usage`,
  run: async ({ ticket, output, size, json, ...args }) => {
    const connection = findConnection(args, process.env)
    const query = new URLSearchParams({ format: formatOf(output), ...(size && { size }) })
    const path = `/api/events/${encodeURIComponent(connection.eventId)}/tickets/${encodeURIComponent(ticket)}/qr?${query}`
    const { qr_token, qr_image } = await apiOf(connection).get<Answer>(path)
    if (!output) {
      say(json, { success: true, ticketId: ticket, qr_token, qr_image }, qrText(qr_token, 'M'))
      return
    }
    const bytes = Buffer.from(qr_image.slice(qr_image.indexOf(',') + 1), 'base64')
    await writeFile(output, bytes, { mode: 0o600 }).catch((error: unknown) => {
      throw new Failure(`Cannot write ${output}: ${whyNot(error)}.`)
    })
    say(json, { success: true, ticketId: ticket, file: output, bytes: bytes.length }, `Wrote ${output}.`)
  },
})

function formatOf(output: string | undefined): 'png' | 'svg' {
  const extension = output === undefined ? '.png' : extname(output).toLowerCase()
  if (extension === '.png') return 'png'
  if (extension === '.svg') return 'svg'
  throw new UsageFailure(`-o takes a file ending in .png or .svg, not ${output}.`)
}
