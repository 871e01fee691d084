import type { ServerMessage, Topic } from '../../../core/live.ts'
import { post } from '../api.ts'

type Handlers = {
  onMessage: (message: ServerMessage) => void
  /** It tells of nothing any more, or never did. */
  onEnd: () => void
}

const topics: Topic[] = ['stats', 'scans', 'alerts']
const PING_MS = 4000
/** Somebody who is there answers a ping. */
const SILENT_MS = 10_000
const FIRST_RETRY_MS = 5000
const SLOWEST_RETRY_MS = 120_000

/** Listens to the doors, and begins again whenever it is cut off. Whoever may not listen polls, and this keeps trying. */
export function listen(eventId: string, { onMessage, onEnd }: Handlers): () => void {
  let socket: WebSocket | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let retryMs = FIRST_RETRY_MS
  let isStopped = false

  const again = () => {
    onEnd()
    if (isStopped) return
    clearTimeout(timer)
    timer = setTimeout(open, retryMs)
    retryMs = Math.min(SLOWEST_RETRY_MS, retryMs * 2)
  }

  async function open(): Promise<void> {
    if (document.visibilityState === 'hidden') return again()
    const made = await post<{ ticket: string }>('/api/hp-scanner/live-tickets', { eventId })
    if (isStopped) return
    if (!made.ok) return again()
    const url = new URL(`/api/hp-scanner/live/${eventId}`, location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    url.search = new URLSearchParams({ topics: topics.join(), ticket: made.value.ticket }).toString()
    const opened = new WebSocket(url)
    socket = opened
    let heardAt = Date.now()
    const ping = setInterval(() => {
      if (Date.now() - heardAt > SILENT_MS) end()
      else if (opened.readyState === WebSocket.OPEN) opened.send('ping')
    }, PING_MS)
    opened.addEventListener('message', ({ data }) => {
      heardAt = Date.now()
      retryMs = FIRST_RETRY_MS
      const message = messageIn(data)
      if (message) onMessage(message)
    })
    // Without a network a socket takes long to notice that it is closed.
    const end = () => {
      clearInterval(ping)
      if (socket !== opened) return
      socket = null
      opened.close()
      again()
    }
    opened.addEventListener('close', end)
  }

  void open()
  return () => {
    isStopped = true
    clearTimeout(timer)
    const last = socket
    socket = null
    last?.close(1000)
  }
}

function messageIn(data: unknown): ServerMessage | null {
  if (typeof data !== 'string' || !data.startsWith('{')) return null
  return JSON.parse(data) as ServerMessage
}
