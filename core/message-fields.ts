import { z } from 'zod'
import {
  type DeviceId,
  type EventId,
  type GateId,
  type OrganisationId,
  parseUuid,
  type ScanId,
  type StaffId,
  type TicketId,
  type TypeId,
  wordShape,
  type ZoneId,
} from './ids.ts'

/*
 * The fields that clients' messages are made of, and the words for what is wrong with one. The messages themselves are in
 * `core/device-messages.ts` and `core/organiser-messages.ts`.
 */

// Said after the field's name, so that both make a sentence.
z.config({
  customError: (issue) => {
    switch (issue.code) {
      case 'invalid_type':
        return issue.input === undefined ? 'is required' : `must be of type ${issue.expected}`
      case 'invalid_value':
        return `must be one of ${issue.values.join(', ')}`
      case 'too_small':
        return `must be at least ${issue.minimum}${unitOf(issue.origin)}`
      case 'too_big':
        return `must be at most ${issue.maximum}${unitOf(issue.origin)}`
      default:
        return undefined
    }
  },
})

function unitOf(origin: string): string {
  return { string: ' characters', array: ' items' }[origin] ?? ''
}

const word = z.string().regex(wordShape, 'must be 1 to 64 letters, digits, spaces or . _ ~ : + @ -')

/** The organiser's own words for things. */
export const typeId = word.transform((text) => text as TypeId)
export const zoneId = word.transform((text) => text as ZoneId)
export const gateId = word.transform((text) => text as GateId)
export const staffId = word.transform((text) => text as StaffId)
export const deviceId = word.transform((text) => text as DeviceId)

/** A UUID in whatever case, given on in lower case. */
export const uuid = <T extends ScanId | TicketId | EventId | OrganisationId>() =>
  z.string().transform((text, context): T => {
    const id = parseUuid<T>(text)
    if (id !== null) return id
    context.addIssue({ code: 'custom', message: 'must be a UUID' })
    return z.NEVER
  })

/** An ISO 8601 text, given on as milliseconds since 1970. */
export const instant = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant' })
  .transform((text) => Date.parse(text))

/** What a person or a thing is called. */
export const name = z.string().trim().min(1).max(200)

/** A few words of somebody's own. */
export const note = z.string().trim().max(500)

/** An e-mail address, as far as one can tell without writing to it. */
export const email = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address')

/** How many people a ticket is for, or come in by it. */
export const people = z.int().min(1).max(255)
