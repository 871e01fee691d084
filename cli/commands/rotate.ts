import { command, jsonArg } from '../command.ts'
import { UsageFailure } from '../failure.ts'
import { say } from '../output.ts'
import { rotateKept } from '../secrets.ts'
import { stateFiles } from '../state-folder.ts'

export const rotate = command({
  name: 'rotate',
  description: 'Makes a new key for npm start; the one before stays good beside it',
  args: {
    key: { type: 'positional', description: 'Which: admin-key or ticket-key', required: true },
    state: { type: 'string', description: 'Where npm start keeps its state', default: '.state', valueHint: 'DIR' },
    ...jsonArg,
  },
  examples: `
  admit rotate ticket-key
  admit rotate admin-key --state /var/lib/admit-one

  It holds from the next start on. Codes, links and stored secrets of before go on opening. For a server on Cloudflare, and
  for keys that come from the environment, see docs/keys.md.

EXIT CODES
  0 done   1 no such key is kept there   2 wrong usage`,
  choices: { key: ['admin-key', 'ticket-key'] },
  run: async ({ key, state, json }) => {
    if (key !== 'admin-key' && key !== 'ticket-key')
      throw new UsageFailure(`There is no ${key}: admin-key or ticket-key.`)
    const made = rotateKept(state, key)
    say(
      json,
      { success: true, key, id: made.id },
      `${key} was changed in ${state}/${stateFiles.secrets}; restart the server to use it.`,
    )
  },
})
