import { Pool } from 'pg'
import { PG_SOCKET } from './tickets.ts'

/** So many connections serve a process: with more, they wait for each other in PostgreSQL in place of here. */
const CONNECTIONS = 20

export function connectDatabase(): Pool {
  return new Pool({ host: PG_SOCKET, user: 'postgres', database: 'postgres', max: CONNECTIONS })
}
