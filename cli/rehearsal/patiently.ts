import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../api.ts'

/** Asks again where the server wants less at a time. */
export async function patiently<T>(call: () => Promise<T>, stop: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 429) throw error
      const { retryAfterMs = 2000 } = (error.body.data ?? {}) as { retryAfterMs?: number }
      await sleep(retryAfterMs, undefined, { signal: stop })
    }
  }
}
