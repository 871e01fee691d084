import { gather } from '../check/facts.ts'
import { findingsOf } from '../check/rules.ts'
import { command, eventIdArg, jsonArg } from '../command.ts'
import { apiOf, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes } from '../failure.ts'
import { countFindings, inWords } from '../findings.ts'
import { say, showProgress } from '../output.ts'
import { harmless } from '../terminal/text.ts'

export const check = command({
  name: 'check',
  description: 'Looks at everything that matters before the doors open',
  args: {
    ...eventIdArg,
    strict: { type: 'boolean', description: 'Count warnings as failures', default: false },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit check 01a1fc37-f632-7fa5-821f-c5cf221a540e
  admit check --json | jq '.findings[] | select(.state != "pass")'

  The server and its clock, the event, tickets, gates, staff, devices and how ready they are for a cut, limits, images, codes, keys,
  reports, jobs, webhooks and the log. Use the key of an organiser: another
  may not see all of that.

EXIT CODES
  0 the doors may open, with what is warned of   1 something must be mended   2 wrong usage`,
  run: async ({ eventId, strict, json, ...args }) => {
    const connection = findConnection({ ...args, event: eventId ?? args.event }, process.env)
    const facts = await gather(apiOf(connection), connection.eventId, (what) =>
      showProgress(`Looking at ${what}`, false),
    )
    showProgress('', true)
    const findings = findingsOf(facts).map((finding) => ({ ...finding, found: harmless(finding.found) }))
    const counts = countFindings(findings)
    const isWell = counts.failure === 0 && (!strict || counts.warning === 0)
    const summary = `${counts.pass} good, ${counts.warning} to look at, ${counts.failure} to mend.`
    say(json, { success: isWell, counts, findings }, `${inWords(findings)}\n\n${summary}`)
    if (!isWell) process.exitCode = exitCodes.problem
  },
})
