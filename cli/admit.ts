#!/usr/bin/env node
import { type ArgsDef, type CommandDef, renderUsage, runCommand } from 'citty'
import { type Command, refuseUnknown } from './command.ts'
import { admit } from './commands.ts'
import { exitCodes, Failure, inOneLine, UsageFailure } from './failure.ts'
import { say } from './output.ts'

// The `admit` command. Which subcommands there are stands in commands.ts.

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
