import { parseArgs } from 'node:util'
import { inOneLine, UsageFailure } from './failure.ts'

export type StartOptions = {
  host: string
  /** 0: any free port. */
  port: number
  stateDir: string
  empty: boolean
  worker: string
  newTicketKey: boolean
  allowLocalWebhooks: boolean
}

export const startHelp = `Runs Admit One on this computer: workerd with its Durable Objects, D1 and KV, kept in a folder.

  npm start
  npm start -- [options]

  --port N           the port to serve (default 8787; 0 takes any free one)
  --host HOST        the address to serve (default 127.0.0.1; 0.0.0.0 is every address of this computer)
  --state DIR        the folder that keeps everything (default .state)
  --empty            no demo event; prints one line when ready
  --new-ticket-key   go on with another TICKET_KEY; codes issued before will be refused
  --allow-local-webhooks
                     webhooks may go to http://127.0.0.1:PORT too, to try a receiver on this computer
  --worker FILE      another entry file than workers/index.ts, for tests and the bench
  --help             this text

ADMIN_KEY and TICKET_KEY are taken from the environment; otherwise they are made once and kept in DIR/secrets.json.
LOG_LEVEL=info writes a line a request to stderr; debug, info, warn (the default), error and silent.
Stop it with Ctrl-C or SIGTERM. Exit codes: 0 stopped, 1 could not start, 2 a wrong option.
`

/** Takes the arguments of the command line; gives the options, or null where the help was asked for. */
export function parseStartOptions(args: string[]): StartOptions | null {
  const { values } = parse(args)
  if (values.help) return null
  return {
    host: values.host,
    port: portOf(values.port),
    stateDir: values.state,
    empty: values.empty,
    worker: values.worker,
    newTicketKey: values['new-ticket-key'],
    allowLocalWebhooks: values['allow-local-webhooks'],
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string', default: '8787' },
        host: { type: 'string', default: '127.0.0.1' },
        state: { type: 'string', default: '.state' },
        empty: { type: 'boolean', default: false },
        worker: { type: 'string', default: 'workers/index.ts' },
        'new-ticket-key': { type: 'boolean', default: false },
        'allow-local-webhooks': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    // parseArgs throws for an unknown option or a missing value, and says which.
    throw new UsageFailure(`${inOneLine(error)}; see npm start -- --help.`)
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new UsageFailure(`--port takes a number from 0 to 65535, not ${text}.`)
}
