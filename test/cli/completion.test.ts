import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { admit } from '../../cli/commands.ts'
import { bashScript, fishScript, zshScript } from '../../cli/completion/scripts.ts'
import { wordsOf } from '../../cli/completion/words.ts'

const commands = wordsOf(admit)

/** What bash itself offers where these words stand and the last one is being typed. */
function offered(...words: string[]): string[] {
  const asked = `
    eval "$1"; shift
    COMP_WORDS=(admit "$@"); COMP_CWORD=$#
    "$(complete -p admit | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const said = execFileSync('bash', ['--norc', '-c', asked, 'bash', bashScript(commands), ...words], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  return said.split('\n').filter((word) => word !== '')
}

describe('completion in bash', () => {
  it('offers the commands, and below one its words', () => {
    expect(offered('in')).toEqual(['integrity'])
    expect(offered('')).toEqual(expect.arrayContaining(['import', 'report', 'completion', '--help']))
    expect(offered('report', 's')).toEqual(['summary', 'staff', 'series', 'shifts', 'stalls'])
    expect(offered('token', '')).toEqual(['open', '--help'])
    expect(offered('completion', 'f')).toEqual(['fish'])
  })

  it('offers the options of the command, and the values of an option that has few', () => {
    expect(offered('import', '--dr')).toEqual(['--dry-run'])
    expect(offered('token', 'open', '--js')).toEqual(['--json'])
    expect(offered('export', 'entries', '--format', '')).toEqual(['csv', 'ndjson'])
    expect(offered('export', '--key', '')).toEqual([])
  })

  it('offers files where a file is meant', () => {
    expect(offered('import', 'completion.te')).toEqual(['completion.test.ts'])
    expect(offered('sheet', '-o', 'completion.te')).toEqual(['completion.test.ts'])
  })
})

describe('completion', () => {
  it('knows every command, and every option of each, in every shell', () => {
    const scripts = { bash: bashScript(commands), zsh: zshScript(commands), fish: fishScript(commands) }
    expect(commands.length).toBeGreaterThan(10)
    for (const { command, options } of commands) {
      for (const word of command.split(' ')) for (const script of Object.values(scripts)) expect(script).toContain(word)
      for (const name of options.flatMap(({ names }) => names).filter((name) => name.startsWith('--'))) {
        expect(scripts.bash).toContain(name)
        expect(scripts.zsh).toContain(`'${name}[`)
        expect(scripts.fish).toContain(` -l ${name.slice(2)}`)
      }
    }
  })
})
