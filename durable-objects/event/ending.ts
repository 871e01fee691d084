import type { Host } from '../host.ts'
import type { Draining } from '../outbox/draining.ts'
import type { Dividing } from '../shards/dividing.ts'

/** Takes the event away for good: out of D1, out of its other objects, and then here. */
export async function takeAway(
  { ctx, event, alarm, live }: Host,
  draining: Draining,
  dividing: Dividing,
): Promise<void> {
  await draining.end()
  live().dismiss('everybody')
  await dividing.end()
  event.reread()
  await alarm.cancel()
  await ctx().storage.deleteAll()
}
