import type { CommandWords, OptionWords, Value } from './words.ts'

/** Bash: a function that looks at the word before and at the command, and offers what may stand there. */
export function bashScript(commands: CommandWords[]): string {
  const values = commands.flatMap(({ command, options }) =>
    options.flatMap(({ names, value }) =>
      value
        ? [
            bashCase(
              names.map((name) => `${command}:${name}`),
              value,
            ),
          ]
        : [],
    ),
  )
  return `# Completion of admit for bash: source <(admit completion bash)
_admit() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command=\${COMP_WORDS[1]} first=2
  COMPREPLY=()
  case "$command \${COMP_WORDS[2]}" in
${nestedOf(commands)
  .map((command) => `    "${command}") command="${command}" first=3 ;;`)
  .join('\n')}
  esac
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${firstWordsOf(commands).join(' ')} --help" -- "$current"))
    return
  fi
  case "$command" in
${parentsOf(commands)
  .map(
    ([parent, words]) =>
      `    ${parent}) COMPREPLY=($(compgen -W "${words.join(' ')} --help" -- "$current")); return ;;`,
  )
  .join('\n')}
  esac
  case "$command:$previous" in
${values.join('\n')}
  esac
  case "$command" in
${commands.map(bashWords).join('\n')}
  esac
}
complete -F _admit admit
`
}

function bashCase(patterns: string[], value: Value): string {
  return `    ${patterns.map((pattern) => `"${pattern}"`).join(' | ')}) ${bashValue(value)}; return ;;`
}

function bashValue(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W "${value.words.join(' ')}" -- "$current"))`
    case 'file':
      return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current"))'
    case 'unknown':
      return ':'
  }
}

function bashWords({ command, options, positionals }: CommandWords): string {
  const names = options.flatMap((option) => option.names).join(' ')
  const values = positionals.map(bashValue).filter((value) => value !== ':')
  const otherwise = [...new Set(values)].at(0) ?? ':'
  return `    "${command}")
      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "${names}" -- "$current")); else ${otherwise}; fi ;;`
}

/** Zsh: `_arguments` of each command, which shows the descriptions too. */
export function zshScript(commands: CommandWords[]): string {
  const described = firstWordsOf(commands).map((word) => `    ${zshQuoted(`${word}:${describe(commands, word)}`)}`)
  return `#compdef admit
# Completion of admit for zsh: admit completion zsh > "\${fpath[1]}/_admit"
_admit() {
  local -a commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe 'command' commands
    return
  fi
  local command=\${words[2]}
  case "$command \${words[3]}" in
${nestedOf(commands)
  .map((command) => `    "${command}") command="${command}"; shift words; ((CURRENT--)) ;;`)
  .join('\n')}
  esac
  shift words
  ((CURRENT--))
  case "$command" in
${parentsOf(commands)
  .map(([parent, words]) => `    ${parent}) compadd ${words.join(' ')} ;;`)
  .join('\n')}
${commands.map(zshArguments).join('\n')}
  esac
}
if [ "$funcstack[1]" = "_admit" ]; then _admit "$@"; else compdef _admit admit; fi
`
}

function zshArguments({ command, options, positionals }: CommandWords): string {
  const described = options.flatMap((option) =>
    option.names.map((name) =>
      zshQuoted(`${name}[${option.description.replaceAll(/[[\]]/g, '')}]${zshValue(option.value)}`),
    ),
  )
  const words = positionals.map((value, i) => zshQuoted(`${i + 1}${zshValue(value)}`))
  return `    "${command}") _arguments ${[...described, ...words].join(' \\\n      ')} ;;`
}

function zshValue(value: Value | null): string {
  switch (value?.kind) {
    case undefined:
      return ''
    case 'words':
      return `:value:(${value.words.join(' ')})`
    case 'file':
      return ':file:_files'
    case 'unknown':
      return ':value: '
  }
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Fish: a line for each command, option and value. */
export function fishScript(commands: CommandWords[]): string {
  const lines = [
    '# Completion of admit for fish: admit completion fish > ~/.config/fish/completions/admit.fish',
    'complete -c admit -f',
    ...firstWordsOf(commands).map((word) => {
      return `complete -c admit -n __fish_use_subcommand -a ${word} -d ${fishQuoted(describe(commands, word))}`
    }),
    ...parentsOf(commands).map(([parent, words]) => {
      return `complete -c admit -n '__fish_seen_subcommand_from ${parent}' -a ${fishQuoted(words.join(' '))}`
    }),
    ...commands.flatMap(fishLines),
  ]
  return `${lines.join('\n')}\n`
}

function fishLines({ command, options, positionals }: CommandWords): string[] {
  const when = `complete -c admit -n '__fish_seen_subcommand_from ${command.split(' ').at(-1)}'`
  const words = positionals.flatMap((value) => (value.kind === 'unknown' ? [] : [`${when}${fishValue(value)}`]))
  return [
    ...options.map((option) => `${when}${fishNames(option)}${option.value ? ` -r${fishValue(option.value)}` : ''}`),
    ...new Set(words),
  ]
}

function fishNames({ names, description }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`))
  return `${flags.join('')} -d ${fishQuoted(description)}`
}

function fishValue(value: Value): string {
  switch (value.kind) {
    case 'words':
      return ` -a ${fishQuoted(value.words.join(' '))}`
    case 'file':
      return ' -F'
    case 'unknown':
      return ''
  }
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function firstWordsOf(commands: CommandWords[]): string[] {
  return [...new Set(commands.map(({ command }) => command.split(' ')[0] ?? ''))]
}

/** Commands of two words, and the words that begin them with those that may follow. */
function nestedOf(commands: CommandWords[]): string[] {
  return commands.map(({ command }) => command).filter((command) => command.includes(' '))
}

function parentsOf(commands: CommandWords[]): [parent: string, words: string[]][] {
  const parents = Map.groupBy(nestedOf(commands), (command) => command.split(' ')[0] ?? '')
  return [...parents].map(([parent, of]) => [parent, of.map((command) => command.split(' ')[1] ?? '')])
}

function describe(commands: CommandWords[], word: string): string {
  return commands.find(({ command }) => command.split(' ')[0] === word)?.description ?? ''
}
