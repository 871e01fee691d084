import { ok, type Result } from '../../core/answers.ts'
import type { Actor } from '../actor.ts'
import type { Host } from '../host.ts'
import { log } from '../logging.ts'
import type { AsShard } from '../shards/as-shard.ts'
import type { Dividing } from '../shards/dividing.ts'
import { groupScans, notSynced, type SyncedScan, type SyncGroup, type SyncOutcome, sync } from './syncing.ts'

/** So many scans together: a few milliseconds of work. */
const SCANS_AT_ONCE = 100

/** What gates did while they were cut off, on its way into the log: to whom, how much at a time. */
export class BringingHome {
  readonly #host: Host
  readonly #dividing: Dividing
  readonly #asShard: AsShard

  constructor(host: Host, dividing: Dividing, asShard: AsShard) {
    this.#host = host
    this.#dividing = dividing
    this.#asShard = asShard
  }

  /**
   * Takes scans of one ticket so that they stand or fall together, others each alone; a few at a time, so that those who
   * stand at a gate now are judged in between.
   */
  async sync(actor: Actor, scans: SyncedScan[]): Promise<Result<SyncOutcome[]>> {
    await this.#dividing.tellNews()
    const elsewhere = this.#dividing.split(scans, ({ ask, invalid }) => (invalid === null ? ask : null))
    if (elsewhere === null) return this.#syncHere(actor, scans)
    const failures: Result<SyncOutcome[]>[] = []
    const outcomesOf = (given: SyncedScan[], result: Result<SyncOutcome[]>) => {
      if (result.ok) return result.value
      failures.push(result)
      return given.map(notSynced)
    }
    const outcomes = await elsewhere(
      async (own) => outcomesOf(own, await this.#syncHere(actor, own)),
      async (shards, shard, theirs) => outcomesOf(theirs, await shards.call(shard, (stub) => stub.sync(actor, theirs))),
    )
    // Handed on as it came, it would have to be disposed of by whoever asked for it.
    return failures[0] ? { ...failures[0] } : ok(outcomes)
  }

  async #syncHere(actor: Actor, scans: SyncedScan[]): Promise<Result<SyncOutcome[]>> {
    const { event, group } = this.#host
    const parts = event.allowed(actor)
    if (!parts.ok) return parts
    const outcomes = scans.map(notSynced)
    for (const slice of inSlices(groupScans(parts.value, scans))) {
      const groups = slice.map((one) => one.group)
      const synced = await group.run(() => this.#sync(actor, groups))
      if (!synced.ok) return synced
      for (const [i, { places }] of slice.entries()) {
        for (const [k, place] of places.entries()) outcomes[place] = synced.value[i]?.[k] ?? notSynced()
      }
    }
    return ok(outcomes)
  }

  /** Writes a slice in one transaction. Where that does not hold, each group has one of its own and falls alone. */
  #sync(actor: Actor, groups: SyncGroup[]): Result<SyncOutcome[][]> {
    const { event, alarm, live, zones, named } = this.#host
    const at = Date.now()
    zones.look(at)
    try {
      const synced = event.change(actor, (parts) => ok(sync(parts, groups, at)))
      if (!synced.ok) return synced
      alarm.soon()
      this.#asShard.handOverSoon()
      live().tellConflicts(synced.value.conflicts)
      return ok(synced.value.outcomes)
    } catch (error) {
      // A bug, or a table that cannot be written: it must not keep the scans of other tickets waiting on their device.
      log('error', 'sync: scans could not be written', { ...named(), error, count: groups.length })
      const [group, ...others] = groups
      if (others.length === 0) return ok(group ? [group.scans.map(notSynced)] : [])
      return this.#syncEach(actor, groups)
    }
  }

  #syncEach(actor: Actor, groups: SyncGroup[]): Result<SyncOutcome[][]> {
    const outcomes: SyncOutcome[][] = []
    for (const group of groups) {
      const synced = this.#sync(actor, [group])
      if (!synced.ok) return synced
      outcomes.push(...synced.value)
    }
    return ok(outcomes)
  }
}

function inSlices<T extends { places: number[] }>(groups: T[]): T[][] {
  const slices: T[][] = []
  let scans = Number.POSITIVE_INFINITY
  for (const group of groups) {
    if (scans + group.places.length > SCANS_AT_ONCE) {
      slices.push([])
      scans = 0
    }
    slices.at(-1)?.push(group)
    scans += group.places.length
  }
  return slices
}
