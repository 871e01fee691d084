import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from 'citty'
import { UsageFailure } from './failure.ts'

/**
 * A subcommand as `admit` knows it: citty's, with the examples that stand at the end of its help, and which words its
 * arguments may be, for a shell to complete them.
 */
export type Command = CommandDef & { examples: string; choices?: Choices }
export type Choices = Readonly<Record<string, readonly string[]>>

type Definition<T extends ArgsDef> = {
  name: string
  description: string
  args: T
  examples: string
  choices?: Partial<Record<Extract<keyof T, string>, readonly string[]>>
  run: (args: ParsedArgs<T>) => Promise<void>
}

/** Makes a subcommand. */
export function command<const T extends ArgsDef>(definition: Definition<T>): Command {
  const { name, description, args, examples, choices, run } = definition
  const defined = defineCommand({ meta: { name, description }, args, run: (context) => run(context.args) })
  // citty's own table of subcommands forgets the arguments' types in the same way.
  return { ...(defined as unknown as CommandDef), examples, ...(choices ? { choices: choices as Choices } : {}) }
}

export const jsonArg = { json: { type: 'boolean', description: 'Print JSON for programs', default: false } } as const

/** The event as the first word of a command; else `--event` names it. */
export const eventIdArg = {
  eventId: {
    type: 'positional',
    description: 'The id of the event; else as --event',
    required: false,
    valueHint: 'EVENT',
  },
} as const

/** Takes two words of which the first may be left out; gives the event, where it is named, and the other. */
export function eventAndWord(first: string | undefined, second: string | undefined, event: string | undefined) {
  return second === undefined ? { event, word: first } : { event: first, word: second }
}

/** Gives the word where it is one of those known; fails, naming them all, where it is not. */
export function oneOf<T extends string>(known: readonly T[], word: string | undefined, name: string): T {
  const found = known.find((one) => one === word)
  if (found) return found
  throw new UsageFailure(`Say ${name}: one of ${known.join(', ')}${word ? `, not ${word}` : ''}.`)
}

/** Refuses what a subcommand does not know; citty itself lets a mistyped option or a missing value pass. */
export function refuseUnknown(words: string[], args: ArgsDef): void {
  const known = new Map(Object.entries(args).flatMap(([name, arg]) => [name, ...aliasesOf(arg)].map((as) => [as, arg])))
  const options: ParseArgsOptionsConfig = {}
  for (const [name, { type }] of known) {
    if (type === 'positional') continue
    options[name] = { type: type === 'boolean' ? 'boolean' : 'string', ...(name.length === 1 && { short: name }) }
  }
  const { tokens } = parseArgs({ args: words, options, strict: false, allowPositionals: true, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const arg = known.get(token.name)
    if (!arg || arg.type === 'positional') throw new UsageFailure(`There is no option ${token.rawName}.`)
    const isMissing = !token.value || (!token.inlineValue && token.value.startsWith('-'))
    if (arg.type === 'string' && isMissing) throw new UsageFailure(`The option ${token.rawName} needs a value.`)
  }
  const positionals = Object.values(args).filter(({ type }) => type === 'positional').length
  const extra = tokens.filter((token) => token.kind === 'positional')[positionals]
  if (extra) throw new UsageFailure(`There is a word too many: ${extra.value}.`)
}

function aliasesOf(arg: object): string[] {
  return 'alias' in arg ? [arg.alias].flat().map(String) : []
}
