import { defineCommand } from 'citty'
import type { Command } from './command.ts'
import { check } from './commands/check.ts'
import { completion } from './commands/completion.ts'
import { export_ } from './commands/export.ts'
import { import_ } from './commands/import.ts'
import { integrity } from './commands/integrity.ts'
import { issue } from './commands/issue.ts'
import { monitor } from './commands/monitor.ts'
import { qr } from './commands/qr.ts'
import { rehearse } from './commands/rehearse.ts'
import { report } from './commands/report.ts'
import { rotate } from './commands/rotate.ts'
import { scan } from './commands/scan.ts'
import { sheet } from './commands/sheet.ts'
import { token } from './commands/token.ts'
import { warm } from './commands/warm.ts'

/** The whole command. Each subcommand is a file in commands/. */
export const admit: Command = {
  ...defineCommand({
    meta: { name: 'admit', description: 'Runs an event on an Admit One server: its tickets, its doors, its numbers' },
    subCommands: {
      check,
      completion: completion(() => admit),
      export: export_,
      import: import_,
      integrity,
      issue,
      monitor,
      qr,
      rehearse,
      report,
      rotate,
      scan,
      sheet,
      token,
      warm,
    },
  }),
  examples: `
  admit import attendees.csv --dry-run
  admit import attendees.csv
  admit qr 01a1fc37-f632-7fa5-821f-c5cf221a540e -o ticket.png
  admit scan ticket.png --gate GATE-A

  After npm start on this computer all of them work as they stand, with the demo event. Otherwise say which server,
  key and event with --url, --key and --event, or with ADMIT_URL, ADMIT_KEY and ADMIT_EVENT.

EXIT CODES
  0 done   1 a problem, told in one sentence   2 wrong usage   3 the ticket was refused`,
} as Command
