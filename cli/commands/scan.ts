import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect, NoAnswer, Refusal } from '../api.ts'
import { command, jsonArg } from '../command.ts'
import { type Connection, connectionArgs, findConnection } from '../connection.ts'
import { forgetDevice, staffTokenFor } from '../device.ts'
import { exitCodes, Failure, UsageFailure } from '../failure.ts'
import { say } from '../output.ts'
import { readImage } from '../read-image.ts'
import { type Admission, inWords, type RefusedScan } from '../scan-words.ts'

export const scan = command({
  name: 'scan',
  description: 'Scans a code at a gate',
  args: {
    code: { type: 'positional', description: 'The text of the code, or an image file of it', required: true },
    gate: { type: 'string', description: 'The id of the gate', required: true, valueHint: 'GATE' },
    direction: { type: 'string', description: 'entry or exit, where the gate leaves it open', valueHint: 'WAY' },
    people: { type: 'string', description: 'How many people enter on this ticket now (default 1)', valueHint: 'N' },
    'scan-id': { type: 'string', description: 'Ask again for a scan whose answer was lost', valueHint: 'UUID' },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit scan ticket.png --gate GATE-A
  admit scan A1AEA… --gate GATE-X --direction exit
  admit scan ticket.png --gate GATE-A --people 2 --json

  With an organisation key this computer becomes a device of the event, once, for a supervisor called cli; what it is
  known by is kept in ~/.config/admit-one. A lost answer is asked for again with the same scan id, so that nobody is
  refused because of a bad line.

EXIT CODES
  0 admitted, exited or visited   1 no verdict: wrong gate id, no server, no readable code   2 wrong usage   3 refused`,
  run: async ({ code, gate, direction, people, 'scan-id': scanId, json, ...args }) => {
    const given = { direction: directionOf(direction), people: peopleOf(people) }
    const connection = findConnection(args, process.env)
    const isImage = looksLikeImage(code)
    const answer = await judge(connection, {
      qrPayload: isImage ? await readImage(code) : code,
      gateId: gate,
      ...given,
      source: isImage ? 'camera' : 'manual',
      localTimestamp: new Date().toISOString(),
      scanId: scanId ?? randomUUID(),
    })
    say(json, answer, inWords(answer))
    if (!answer.success) process.exitCode = exitCodes.refused
  },
})

type Request = { scanId: string; [field: string]: unknown }

async function judge(connection: Connection, request: Request): Promise<Admission | RefusedScan> {
  try {
    return await send(connection, request)
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error
    // The server was set up afresh since.
    forgetDevice(connection, error)
    return await send(connection, request)
  }
}

async function send(connection: Connection, request: Request): Promise<Admission | RefusedScan> {
  const api = connect(connection.url, await staffTokenFor(connection))
  try {
    return await api.post<Admission>('/api/hp-scanner/validate-qr', request, { tries: 6, timeoutMs: 5000 })
  } catch (error) {
    if (error instanceof Refusal && 'verdict' in error.body) return error.body as unknown as RefusedScan
    if (!(error instanceof NoAnswer)) throw error
    throw new Failure(
      `${error.message} Whether the scan counted is unknown; ask again with --scan-id ${request.scanId}.`,
    )
  }
}

function looksLikeImage(code: string): boolean {
  return /\.(png|jpe?g|gif|bmp)$/i.test(code) || (code.length < 200 && existsSync(code))
}

function directionOf(text: string | undefined): 'entry' | 'exit' | undefined {
  if (text === undefined || text === 'entry' || text === 'exit') return text
  throw new UsageFailure(`--direction takes entry or exit, not ${text}.`)
}

function peopleOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 255) return Number(text)
  throw new UsageFailure(`--people takes a number from 1 to 255, not ${text}.`)
}
