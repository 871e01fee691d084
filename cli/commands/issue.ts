import { command, jsonArg } from '../command.ts'
import { apiOf, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes } from '../failure.ts'
import { followJob } from '../follow-job.ts'
import { readFileOrFail, startImport } from '../import-file.ts'
import { say } from '../output.ts'

export const issue = command({
  name: 'issue',
  description: 'The same as import, for scripts that know it by this name',
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

  See admit import, which has a dry run and saves the rows that failed.

EXIT CODES
  0 every row has its ticket   1 some have not, or the server did not answer   2 wrong usage`,
  run: async ({ csv, json, ...args }) => {
    const connection = findConnection(args, process.env)
    const api = apiOf(connection)
    const { job } = await startImport(api, connection.eventId, await readFileOrFail(csv))
    const { outcome, failed: refused, errors } = await followJob(api, connection.eventId, job, 'Issuing')
    const { created = 0, existed = 0 } = outcome
    const problems = errors.map(({ row: line, field, message }) => ({ line, field, message }))
    const lines = problems.map(({ line, field, message }) => `  line ${line}: ${field} ${message}`)
    const summary = `${created} created, ${existed} existed, ${refused} refused`
    say(json, { success: refused === 0, created, existed, refused, problems }, [summary, ...lines].join('\n'))
    if (refused > 0) process.exitCode = exitCodes.problem
  },
})
