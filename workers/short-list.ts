import { z } from 'zod'
import { badRequestResponse } from './problems.ts'
import { success } from './route.ts'

/** What is asked of a list of which an event has so few that they are read whole, as its gates: `limit` items after `cursor`. */
export const ShortListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** The last item of the page before. */
  cursor: z.string().min(1).max(64).optional(),
})

/** Takes the whole list; gives the page that is asked for. */
export function shortList(items: { id: string }[], { limit, cursor }: z.output<typeof ShortListQuery>): Response {
  const start = cursor === undefined ? 0 : items.findIndex(({ id }) => id === cursor) + 1
  if (cursor !== undefined && start === 0) {
    return badRequestResponse([{ field: 'cursor', message: 'is none of this list' }])
  }
  const page = items.slice(start, start + limit)
  const isLast = start + page.length === items.length
  return success({ items: page, nextCursor: isLast ? null : (page.at(-1)?.id ?? null) })
}
