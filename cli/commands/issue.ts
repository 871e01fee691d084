import { readFile } from 'node:fs/promises'
import { readAttendees } from '../attendees.ts'
import { command, jsonArg } from '../command.ts'
import { apiOf, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes, Failure, whyNot } from '../failure.ts'
import { type Issued, issueTickets } from '../issue-tickets.ts'
import { say, showProgress } from '../output.ts'

export const issue = command({
  name: 'issue',
  description: 'Issues a ticket for each row of a CSV file',
  args: {
    csv: {
      type: 'string',
      description: 'The file; its first line names the columns',
      required: true,
      valueHint: 'FILE',
    },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit issue --csv attendees.csv
  admit issue --csv attendees.csv --url https://tickets.example.org --key a1_org_… --event 01a1… --json

  Columns, in any order and case: reference, type, name, email, bookingId, bookingName, bookingEmail, quantity,
  admits, validFrom, validUntil, paid, code, note. Only type must be there. A reference is issued once, however often
  the file is given. A wrong row is told with its line, and the others are issued.

EXIT CODES
  0 every row has its ticket   1 some have not, or the server did not answer   2 wrong usage`,
  run: async (args) => {
    const connection = findConnection(args, process.env)
    const api = apiOf(connection)
    const { rows, problems } = readAttendees(await readCsv(args.csv))
    const unnamed = rows.filter(({ ticket }) => !ticket.reference).length
    if (unnamed > 0) {
      process.stderr.write(`${unnamed} rows have no reference: giving this file again would issue them again.\n`)
    }
    const issued = await issueTickets(api, connection.eventId, rows, (done) => {
      showProgress(`${done} of ${rows.length} rows`, done === rows.length)
    })
    const all = [...problems, ...issued.problems].sort((a, b) => a.line - b.line)
    tell(args.json, { ...issued, problems: all })
    if (all.length > 0) process.exitCode = exitCodes.problem
  },
})

function tell(isJson: boolean, { created, existed, problems }: Issued): void {
  const refused = new Set(problems.map(({ line }) => line)).size
  const lines = problems.map(({ line, field, message }) => `  line ${line}: ${field} ${message}`)
  const summary = `${created} created, ${existed} existed, ${refused} refused`
  say(isJson, { success: refused === 0, created, existed, refused, problems }, [summary, ...lines].join('\n'))
}

async function readCsv(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Failure(`Cannot read ${file}: ${whyNot(error)}.`)
  }
}
