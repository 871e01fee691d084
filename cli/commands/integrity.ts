import { type Api, verySlowly } from '../api.ts'
import { command, eventIdArg, jsonArg } from '../command.ts'
import { apiOf, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes } from '../failure.ts'
import { say, whileWaiting } from '../output.ts'
import { asText } from '../terminal/table.ts'

export type Integrity = {
  ok: boolean
  checked: { entries: number; tickets: number }
  discrepancies: { invariant: string; ticketId?: string; entryId?: string; detail: string }[]
  outbox: { pending: number }
}

export const integrity = command({
  name: 'integrity',
  description: 'Checks every invariant of an event anew, from its log up',
  args: { ...eventIdArg, ...connectionArgs, ...jsonArg },
  examples: `
  admit integrity 01a1fc37-f632-7fa5-821f-c5cf221a540e
  admit integrity --json

  The chain of the log, that nobody entered twice on one right, every count, and the reports' database against the log.
  Scans go on meanwhile.

EXIT CODES
  0 all is as it must be   1 something is not, or the server did not answer   2 wrong usage`,
  run: async ({ eventId, json, ...args }) => {
    const connection = findConnection({ ...args, event: eventId ?? args.event }, process.env)
    const data = await whileWaiting('Checking the log', checkIntegrity(apiOf(connection), connection.eventId))
    say(json, { success: data.ok, ...data }, inWords(data))
    if (!data.ok) process.exitCode = exitCodes.problem
  },
})

/** Has the server check an event. A million entries take their time. */
export async function checkIntegrity(api: Api, eventId: string): Promise<Integrity> {
  const path = `/api/hp-scanner/integrity/${encodeURIComponent(eventId)}`
  return (await api.get<{ data: Integrity }>(path, verySlowly)).data
}

function inWords({ ok, checked, discrepancies, outbox }: Integrity): string {
  const seen = `${checked.entries.toLocaleString('en')} entries and ${checked.tickets.toLocaleString('en')} tickets checked`
  const waiting = outbox.pending > 0 ? `; ${outbox.pending} entries are on their way to the reports` : ''
  if (ok) return `All is as it must be: ${seen}${waiting}.`
  const rows = discrepancies.map(({ invariant, entryId = null, ticketId = null, detail }) => {
    return [invariant, entryId, ticketId, detail]
  })
  const table = asText([{ name: 'Discrepancies', columns: ['rule', 'entry', 'ticket', 'what is wrong'], rows }])
  return `${discrepancies.length} discrepancies; ${seen}${waiting}.\n${table}`
}
