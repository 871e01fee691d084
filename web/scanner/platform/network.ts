import type { Http, OpenSocket } from '../engine/ports.ts'

/** `fetch`, which is given up after a time. Nothing is cached, and no cookie goes along. */
export function fetchHttp(origin: string): Http {
  return async ({ method, path, headers, body, timeoutMs }) => {
    const response = await fetch(origin + path, {
      method,
      headers,
      ...(body === null ? {} : { body }),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
    })
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      bytes: new Uint8Array(await response.arrayBuffer()),
    }
  }
}

export const webSocket: OpenSocket = (url, on) => {
  const socket = new WebSocket(url)
  socket.addEventListener('open', () => on.opened())
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') on.message(data)
  })
  socket.addEventListener('close', ({ code }) => on.closed(code))
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: () => socket.close(),
  }
}
