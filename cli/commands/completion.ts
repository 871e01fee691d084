import { type Command, command, oneOf } from '../command.ts'
import { bashScript, fishScript, zshScript } from '../completion/scripts.ts'
import { wordsOf } from '../completion/words.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }
const shells = Object.keys(scripts) as (keyof typeof scripts)[]

/** Takes the whole command, which this one is a part of; gives the subcommand. */
export function completion(whole: () => Command): Command {
  return command({
    name: 'completion',
    description: 'Prints what a shell needs to complete this command',
    args: { shell: { type: 'positional', description: shells.join(', '), required: true, valueHint: 'SHELL' } },
    examples: `
  source <(admit completion bash)                                  # in ~/.bashrc
  admit completion zsh > "\${fpath[1]}/_admit"
  admit completion fish > ~/.config/fish/completions/admit.fish`,
    choices: { shell: shells },
    run: async ({ shell }) => {
      process.stdout.write(scripts[oneOf(shells, shell, 'which shell')](wordsOf(whole())))
    },
  })
}
