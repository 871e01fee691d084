import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { EventDetails } from '../../core/event.ts'

/**
 * The event for a calendar (RFC 5545). It says nothing of the ticket and does not link to it: calendars are shared, and
 * whoever has the link has the ticket.
 */
export function calendarOf(event: EventDetails, now: number): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Admit One//EN',
    'BEGIN:VEVENT',
    // The same event is the same appointment, however often it is added.
    `UID:${bytesToHex(sha256(utf8ToBytes(`admit-one/calendar/v1\0${event.id}`))).slice(0, 32)}`,
    `DTSTAMP:${stamp(now)}`,
    `DTSTART:${stamp(event.startsAt)}`,
    `DTEND:${stamp(event.endsAt)}`,
    `SUMMARY:${escaped(event.title)}`,
    ...(event.location === null ? [] : [`LOCATION:${escaped(event.location)}`]),
    'END:VEVENT',
    'END:VCALENDAR',
  ]
  return lines.map((line) => `${folded(line)}\r\n`).join('')
}

function stamp(at: number): string {
  return new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')
}

function escaped(text: string): string {
  return text.replace(/[\\;,]/g, '\\$&').replace(/\r\n|[\r\n\u2028\u2029]/g, '\\n')
}

/** A line holds at most 75 bytes, and goes on in the next after a space. No character is taken apart. */
function folded(line: string): string {
  const parts: string[] = ['']
  let bytes = 0
  for (const character of line) {
    const size = utf8ToBytes(character).length
    if (bytes + size > 74) {
      parts.push('')
      bytes = 0
    }
    parts[parts.length - 1] += character
    bytes += size
  }
  return parts.join('\r\n ')
}
