#!/usr/bin/env node
import { type ArgsDef, type CommandDef, defineCommand, renderUsage, runCommand } from 'citty'
import { type Command, refuseUnknown } from './command.ts'
import { export_ } from './commands/export.ts'
import { import_ } from './commands/import.ts'
import { issue } from './commands/issue.ts'
import { qr } from './commands/qr.ts'
import { rotate } from './commands/rotate.ts'
import { scan } from './commands/scan.ts'
import { sheet } from './commands/sheet.ts'
import { token } from './commands/token.ts'
import { warm } from './commands/warm.ts'
import { exitCodes, Failure, inOneLine, UsageFailure } from './failure.ts'
import { say } from './output.ts'

// The `admit` command. Each subcommand is a file in commands/.

const admit = {
  ...defineCommand({
    meta: { name: 'admit', description: 'Issues, draws and scans tickets of an Admit One server' },
    subCommands: { export: export_, import: import_, issue, qr, rotate, scan, sheet, token, warm },
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

const words = process.argv.slice(2)

try {
  if (words.length === 0 || words.includes('--help') || words.includes('-h')) await help(words)
  else await run(words)
} catch (error) {
  process.exitCode = tell(error)
}

async function run(words: string[]): Promise<void> {
  const [found] = find(...words.slice(0, 2))
  if (found.args) refuseUnknown(words.slice(commandWords().length), found.args as ArgsDef)
  await runCommand(admit, { rawArgs: words })
}

async function help(words: string[]): Promise<void> {
  const [name, subName] = words.filter((word) => !word.startsWith('-'))
  const [found, parent] = find(name, subName)
  say(false, {}, `${await renderUsage(found, parent)}\n\nEXAMPLES${found.examples}\n`)
}

function find(name = '', subName = ''): [Command, CommandDef | undefined] {
  const command = subCommandOf(admit, name)
  if (!command) return [admit, undefined]
  const subCommand = subCommandOf(command, subName)
  const meta = { meta: { name: `admit ${name}` } }
  return subCommand ? [subCommand, meta] : [command, admit]
}

function subCommandOf({ subCommands }: CommandDef, name: string): Command | null {
  const table = (subCommands ?? {}) as Record<string, Command>
  return Object.hasOwn(table, name) ? (table[name] ?? null) : null
}

function tell(error: unknown): number {
  // citty's own word for a missing or wrong argument.
  const isUsage = error instanceof UsageFailure || (error instanceof Error && error.name === 'CLIError')
  if (!isUsage && !(error instanceof Failure)) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    return exitCodes.problem
  }
  const message = inOneLine(error)
  if (words.includes('--json')) say(true, { success: false, ...codeOf(error), message }, '')
  const hint = isUsage ? ` See admit ${[...commandWords(), '--help'].join(' ')}.` : ''
  process.stderr.write(`${message.replace(/\.?$/, '.')}${hint}\n`)
  return error instanceof Failure ? error.exitCode : exitCodes.usage
}

function codeOf(error: unknown): { code: string } {
  const body = error instanceof Error && 'body' in error ? (error.body as { code?: unknown }) : {}
  return { code: typeof body.code === 'string' ? body.code : error instanceof UsageFailure ? 'usage' : 'problem' }
}

function commandWords(): string[] {
  const [name = '', subName = ''] = words
  const command = subCommandOf(admit, name)
  if (!command) return []
  return subCommandOf(command, subName) ? [name, subName] : [name]
}
