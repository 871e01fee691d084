import { shardsOf } from './event-address.ts'
import type { DeviceId, EventId, TicketId, TypeId, ZoneId } from './ids.ts'

/** Of a divided event, tickets whose ids end with a byte from here on are the Gatekeeper's own. */
const OWN_FROM = 0xf0

/**
 * Takes an event's id and a ticket's; gives the number of the shard that judges it, from 1, or 0 where that is the event's
 * Gatekeeper itself. It is always the same one, which is what keeps a ticket to one entry.
 */
export function shardOf(event: EventId, ticket: TicketId): number {
  const shards = shardsOf(event)
  const byte = lastByte(ticket)
  return shards === 1 || byte >= OWN_FROM ? 0 : 1 + (byte % shards)
}

/** Takes the id of a ticket that is about to be issued; gives one as random that a shard judges, where there are any. */
export function inSomeShard(event: EventId, ticket: TicketId): TicketId {
  const isOwn = shardsOf(event) > 1 && shardOf(event, ticket) === 0
  return isOwn ? withLastByte(ticket, lastByte(ticket) - 128) : ticket
}

/** Takes the id of a ticket that is about to be sold at the door; gives one as random that the Gatekeeper itself judges. */
export function inNoShard(event: EventId, ticket: TicketId): TicketId {
  return shardOf(event, ticket) === 0 ? ticket : withLastByte(ticket, lastByte(ticket) | OWN_FROM)
}

/**
 * Takes an event's id and a device's; gives the number of the shard that counts what the device scans, whoever judges it, or
 * 0 where that is the event's Gatekeeper. Counted in more than one place, a device could scan so many times as fast.
 */
export function counterOf(event: EventId, device: DeviceId): number {
  const shards = shardsOf(event)
  const sum = [...device].reduce((so, letter) => (so * 31 + (letter.codePointAt(0) ?? 0)) % 65_521, 0)
  return shards === 1 ? 0 : 1 + (sum % shards)
}

/** Takes an event's id and the number of one of its shards; gives the name of its object. */
export function shardName(event: EventId, shard: number): string {
  return shard === 0 ? event : `${event}/${shard}`
}

function lastByte(id: TicketId): number {
  return Number.parseInt(id.slice(-2), 16)
}

function withLastByte(id: TicketId, byte: number): TicketId {
  return `${id.slice(0, -2)}${byte.toString(16).padStart(2, '0')}` as TicketId
}

/**
 * Takes an event's id and one of its entries; gives the entry's id. It is its number in the log; where several objects
 * judge, whoever answers a scan does not know that yet, and it is the scan's.
 */
export function entryIdOf(event: EventId, { seq, scanId }: { seq: number; scanId: string }): string {
  return shardsOf(event) === 1 ? String(seq) : scanId
}

/** A place that holds so many people: a zone, or what a zone has for one ticket type. */
export type RoomName = string

/** Takes a zone and, for the room that it has for one ticket type, that; gives the room's name. */
export function roomName(zone: ZoneId, type: TypeId | null): RoomName {
  return type === null ? zone : `${zone}\n${type}`
}

/** Takes a room's name; gives its zone and its ticket type, null where it is the whole zone. */
export function roomNamed(name: RoomName): { zone: ZoneId; type: TypeId | null } {
  const [zone = '', type = null] = name.split('\n')
  return { zone: zone as ZoneId, type: type as TypeId | null }
}

/**
 * Takes how many places of a room nobody has, how many a shard needs, and how many shards there are; gives how many it is
 * lent. More than it needs, so that it need not ask for each; less and less as the room fills up; and none where there are
 * not enough, since half a party cannot be let in.
 */
export function lent(free: number, needed: number, shards: number): number {
  return free < needed ? 0 : Math.max(needed, Math.floor(free / (2 * shards)))
}
