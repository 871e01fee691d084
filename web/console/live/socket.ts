import { post } from '../api.ts'
import type { Entry } from '../things.ts'
import type { LiveStats } from './stats.ts'

type Message =
  | { type: 'stats'; data: LiveStats; at: string }
  | { type: 'scans'; items: Entry[] }
  | { type: 'alert'; alert: { kind: string } }
  | { type: 'conflict' }

type Handlers = {
  onMessage: (message: Message) => void
  /** It tells of nothing any more, or never did. */
  onEnd: () => void
}

const TOPICS = 'stats,scans,alerts'
const PING_MS = 15_000
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
    url.search = new URLSearchParams({ topics: TOPICS, ticket: made.value.ticket }).toString()
    const opened = new WebSocket(url)
    socket = opened
    const ping = setInterval(() => {
      if (opened.readyState === WebSocket.OPEN) opened.send('ping')
    }, PING_MS)
    opened.addEventListener('message', ({ data }) => {
      const message = messageIn(data)
      if (!message) return
      retryMs = FIRST_RETRY_MS
      onMessage(message)
    })
    opened.addEventListener('close', () => {
      clearInterval(ping)
      if (socket === opened) again()
    })
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

function messageIn(data: unknown): Message | null {
  if (typeof data !== 'string' || !data.startsWith('{')) return null
  return JSON.parse(data) as Message
}
