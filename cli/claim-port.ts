import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, inOneLine, systemCode } from './failure.ts'

/** Takes an address to serve, 0 meaning any port; gives the port, or fails where it cannot be listened on. */
export async function claimPort(host: string, port: number): Promise<number> {
  for (let triesLeft = 20; ; triesLeft--) {
    try {
      return await tryToListen(host, port)
    } catch (error) {
      // A server killed a moment ago may hold its port for some milliseconds more.
      if (systemCode(error) !== 'EADDRINUSE' || triesLeft === 0) throw new Failure(inWords(error, host, port))
    }
    await sleep(25)
  }
}

export function portInUse(port: number): string {
  return `Port ${port} is in use; stop the other server or start with --port N.`
}

function tryToListen(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}

function inWords(error: unknown, host: string, port: number): string {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return portInUse(port)
    case 'EACCES':
      return `Port ${port} needs more rights than this user has; start with --port N, N above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is not an address of this computer; start with another --host.`
    default:
      return `Cannot serve ${host} at port ${port}: ${inOneLine(error)}.`
  }
}
