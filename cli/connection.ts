import { type Api, connect } from './api.ts'
import type { Demo } from './demo.ts'
import { UsageFailure } from './failure.ts'
import { readStateFile, stateFiles } from './state-folder.ts'

/** The options of every subcommand that talks to a server. */
export const connectionArgs = {
  url: {
    type: 'string',
    description: 'The server; else ADMIT_URL, the demo, or http://127.0.0.1:8787',
    valueHint: 'URL',
  },
  key: { type: 'string', description: 'An organisation key; else ADMIT_KEY, or that of the demo', valueHint: 'KEY' },
  event: { type: 'string', description: 'The event id; else ADMIT_EVENT, or that of the demo', valueHint: 'ID' },
  state: {
    type: 'string',
    description: 'Where npm start keeps its state and the demo',
    default: '.state',
    valueHint: 'DIR',
  },
} as const

type ConnectionArgs = { url?: string | undefined; key?: string | undefined; event?: string | undefined; state: string }

export type Connection = { url: string; key: string | null; eventId: string }

/** Finds out which server, key and event are meant: the options, else the environment, else a demo on this computer. */
export function findConnection(args: ConnectionArgs, env: NodeJS.ProcessEnv): Connection {
  const demo = readStateFile<Demo>(args.state, stateFiles.demo)
  const url = parseUrl(args.url || env.ADMIT_URL || demo?.url || 'http://127.0.0.1:8787')
  const key = args.key || env.ADMIT_KEY || null
  const eventId = args.event || env.ADMIT_EVENT || null

  // The demo's key is for the demo's server and no other.
  const demoHere = demo?.url === url ? demo : null
  if (key === null && demoHere?.organisationKey) {
    process.stderr.write(`Using the key and the event of the demo in ${args.state}.\n`)
    return { url, key: demoHere.organisationKey, eventId: eventId ?? needEvent(demoHere.eventId) }
  }
  return { url, key, eventId: needEvent(eventId) }
}

/** Takes a connection; gives what asks its server with its key. */
export function apiOf({ url, key }: Connection): Api {
  if (key === null) {
    throw new UsageFailure('Say who is asking with --key or ADMIT_KEY: an organisation key, as npm start prints one.')
  }
  return connect(url, key)
}

function needEvent(eventId: string | null | undefined): string {
  if (eventId) return eventId
  throw new UsageFailure('Say which event is meant with --event or ADMIT_EVENT.')
}

function parseUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageFailure(`--url takes an address such as http://127.0.0.1:8787, not ${text}.`)
  }
  return (url.origin + url.pathname).replace(/\/+$/, '')
}
