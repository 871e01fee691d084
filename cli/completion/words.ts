import type { ArgsDef, CommandDef } from 'citty'
import type { Command } from '../command.ts'

/** What may be typed after a command: `token open` is one too. */
export type CommandWords = { command: string; description: string; options: OptionWords[]; positionals: Value[] }

/** An option with the names that it has, `--help` included; a value is what comes after it. */
export type OptionWords = { names: string[]; description: string; value: Value | null }

/** What a value may be: one of these words, a file, or something that no shell can know. */
export type Value = { kind: 'words'; words: readonly string[] } | { kind: 'file' } | { kind: 'unknown' }

/** Takes the whole command; gives every subcommand with its options. */
export function wordsOf(whole: Command): CommandWords[] {
  return subCommandsOf(whole).flatMap(([name, command]) => {
    const nested = subCommandsOf(command)
    if (nested.length === 0) return [describe(name, command)]
    return nested.map(([subName, subCommand]) => describe(`${name} ${subName}`, subCommand))
  })
}

function subCommandsOf({ subCommands }: CommandDef): [string, Command][] {
  return Object.entries((subCommands ?? {}) as Record<string, Command>)
}

function describe(command: string, { meta, args, choices = {} }: Command): CommandWords {
  const { description = '' } = meta as { description?: string }
  const all = Object.entries((args ?? {}) as ArgsDef)
  const takes = (name: string): Value => {
    const words = choices[name]
    if (words) return { kind: 'words', words }
    const { valueHint = name } = (args as ArgsDef)[name] ?? {}
    return { kind: /^(file|dir|code)$/i.test(valueHint) ? 'file' : 'unknown' }
  }
  const options = all
    .filter(([, { type }]) => type !== 'positional')
    .map(([name, arg]) => ({
      names: [`--${name}`, ...aliasesOf(arg).map((alias) => `-${alias}`)],
      description: arg.description ?? '',
      value: arg.type === 'boolean' ? null : takes(name),
    }))
  const positionals = all.filter(([, { type }]) => type === 'positional').map(([name]) => takes(name))
  const help = { names: ['--help', '-h'], description: 'Say what it does', value: null }
  return { command, description, options: [...options, help], positionals }
}

function aliasesOf(arg: object): string[] {
  return 'alias' in arg ? [arg.alias].flat().map(String) : []
}
