import type { ServerMessage, Topic } from '../core/live.ts'

/** Proxies close what says nothing for a minute or so, and this is how it is seen that a client has gone. */
const HEARTBEAT_MS = 15_000

/** A client that is this far behind with reading is let go, and comes back to where it was. */
const MOST_BEHIND = 1_048_576

/** How long a browser waits before it comes back. */
const RETRY_MS = 2000

const encoder = new TextEncoder()

/** Takes a socket that the Gatekeeper tells things on; gives the same as server-sent events. They end together. */
export function streamOf(socket: WebSocket, topics: Topic[]): Response {
  let heartbeat: ReturnType<typeof setInterval> | undefined
  const stop = () => {
    clearInterval(heartbeat)
    try {
      socket.close(1000)
    } catch {
      // The other side closed it already.
    }
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = () => {
          stop()
          try {
            controller.close()
          } catch {
            // The client has gone, or was let go just now.
          }
        }
        const write = (text: string) => {
          controller.enqueue(encoder.encode(text))
          if ((controller.desiredSize ?? 0) < -MOST_BEHIND) end()
        }
        socket.addEventListener('message', ({ data }) => write(eventOf(String(data), topics)))
        socket.addEventListener('close', end)
        socket.addEventListener('error', end)
        heartbeat = setInterval(() => write(': here\n\n'), HEARTBEAT_MS)
        write(`retry: ${RETRY_MS}\n\n`)
        socket.accept()
      },
      cancel: stop,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }),
  )
  return new Response(body, {
    headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
  })
}

/** Takes a message as it is; gives it as an event. JSON has no line ends in it, so it is one line of data. */
function eventOf(text: string, topics: Topic[]): string {
  const message = JSON.parse(text) as ServerMessage
  const id = message.type === lastOf(topics) && 'cursor' in message ? `id: ${message.cursor}\n` : ''
  return `event: ${message.type}\n${id}data: ${text}\n\n`
}

/** The message that ends a batch: whoever has it has all before it, and may go on from its cursor. */
function lastOf(topics: Topic[]): Topic | undefined {
  return (['standings', 'scans', 'revocations'] as const).find((topic) => topics.includes(topic))
}
