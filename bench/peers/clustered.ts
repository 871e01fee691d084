import cluster from 'node:cluster'

/** Runs a server in as many processes as PROCESSES says, and tells its parent once all of them listen. */
export async function clustered(serve: (ready: () => void) => Promise<void>): Promise<void> {
  const processes = Number(process.env.PROCESSES ?? 1)
  if (!cluster.isPrimary || processes === 1) return serve(() => process.send?.('ready'))
  for (let i = 0; i < processes; i++) cluster.fork()
  let ready = 0
  cluster.on('message', () => ++ready === processes && process.send?.('ready'))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0))
}
