import { Presets, SingleBar } from 'cli-progress'
import type { Api } from '../api.ts'
import { command, eventIdArg, jsonArg } from '../command.ts'
import { apiOf, type Connection, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes, Failure, UsageFailure } from '../failure.ts'
import { countFindings, inWords } from '../findings.ts'
import { say, whileWaiting } from '../output.ts'
import { Crowd } from '../rehearsal/crowd.ts'
import type { Figures } from '../rehearsal/figures.ts'
import { type Plan, plan, type Wish } from '../rehearsal/plan.ts'
import { lookAt, type Original, Stage } from '../rehearsal/stage.ts'
import { verdictOn } from '../rehearsal/verdict.ts'
import { LagWatch } from '../rehearsal/watch.ts'
import { checkIntegrity } from './integrity.ts'

/** More are no rehearsal for a venue but for a data centre. */
const MOST = { devices: 500, rate: 500, minutes: 60, scans: 50_000 }

export const rehearse = command({
  name: 'rehearse',
  description: 'Plays the rush at the doors on a copy of the event, and says whether it is ready',
  args: {
    ...eventIdArg,
    devices: { type: 'string', description: 'How many scanners', default: '10', valueHint: 'N' },
    rate: {
      type: 'string',
      description: 'Scans a second, all together, when it is busiest',
      default: '5',
      valueHint: 'N',
    },
    minutes: { type: 'string', description: 'How long it goes on', default: '2', valueHint: 'N' },
    keep: {
      type: 'boolean',
      description: 'Leave the copy there to look at; it is deleted after a day',
      default: false,
    },
    clean: { type: 'boolean', description: 'Only delete copies that were left behind', default: false },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit rehearse 01a1fc37-f632-7fa5-821f-c5cf221a540e --devices 20 --rate 30 --minutes 5
  admit rehearse --json | jq .figures.waits

  The copy has the event's settings, gates, types and limits, and nameless tickets of its own. No code of the one opens at the
  other, and neither the event's log nor any of its numbers changes. People come as they do: few at first, then many, then
  few; some show a code twice, some a forged one, some go out again, and a fifth of the devices is cut off for a while.
  Run it from the venue: most of what a steward waits for is the way to the server. Ctrl-C stops it and deletes the copy.

EXIT CODES
  0 ready   1 not ready, stopped, or the server did not answer   2 wrong usage`,
  run: async ({ eventId, devices, rate, minutes, keep, clean, json, ...args }) => {
    const connection = findConnection({ ...args, event: eventId ?? args.event }, process.env)
    const api = apiOf(connection)
    if (clean) return cleanUp(api, connection, json)
    const wish = wishOf(devices, rate, minutes)
    const original = await lookAt(api, connection.eventId)
    const planned = planFor(original, wish)
    const stop = stopper()
    const stage = await Stage.make(api, connection)
    tell(`Rehearsing on the copy ${stage.connection.eventId}.`)
    try {
      const figures = await play(stage, original, planned, wish, stop.signal)
      report(stage, figures, keep, json)
    } catch (error) {
      if (stop.signal.aborted) throw new Failure('The rehearsal was stopped.')
      throw error
    } finally {
      if (keep) tell(`The copy ${stage.connection.eventId} is left there, until tomorrow or admit rehearse --clean.`)
      else await whileWaiting('Deleting the copy', stage.strike())
    }
  },
})

function planFor({ gates, sold }: Original, wish: Wish): Plan {
  const total = sold.reduce((sum, { tickets }) => sum + tickets, 0)
  // An event that nobody has a ticket of yet is rehearsed with as many of each type as may come.
  const crowd = Math.ceil(wish.perSecond * wish.minutes * 60)
  const factor = total === 0 ? 0 : Math.max(1, crowd / total)
  const copied = sold.map((type) => {
    const wanted = total === 0 ? Math.ceil(crowd / sold.length) : Math.ceil(type.tickets * factor)
    return {
      ...type,
      tickets: type.capacity === null ? wanted : Math.min(wanted, Math.floor(type.capacity / type.admits)),
    }
  })
  const planned = plan(wish, gates, copied, Math.random)
  if (planned.wayIn.length === 0) {
    throw new Failure(
      'Nobody could come in: the event has no gate that takes any of its ticket types. See admit check.',
    )
  }
  return planned
}

async function play(stage: Stage, { rules }: Original, planned: Plan, wish: Wish, stop: AbortSignal): Promise<Figures> {
  const { arrivals, wayIn, tickets } = planned
  const wanted = [...tickets.values()].reduce((sum, count) => sum + count, 0)
  const issued = await withBar('Issuing tickets', wanted, stop, (bar) =>
    stage.issue(tickets, (count) => {
      stop.throwIfAborted()
      bar.increment(count)
    }),
  )
  const scanners = await withBar('Enrolling devices', wish.devices, stop, (bar) =>
    stage.enrol(wish.devices, wayIn, () => bar.increment(), stop),
  )
  const crowd = new Crowd(planned, rules, scanners, issued)
  const lag = new LagWatch(stage.connection)
  try {
    await withBar('Scanning', arrivals.length, stop, async (bar) => {
      const shown = () =>
        bar.update(crowd.done, {
          more: ` | half within ${crowd.waits.p50.toFixed(0)} ms, 95 % within ${crowd.waits.p95.toFixed(0)} ms`,
        })
      const clock = setInterval(shown, 500)
      try {
        await crowd.run(stop)
      } finally {
        clearInterval(clock)
      }
    })
    const drainedMs = await whileWaiting('Waiting for the reports', lag.untilDrained(stop))
    return { ...crowd.figures(), lagMs: lag.longestMs, drainedMs, ...(await lookBack(stage, crowd.figures().told)) }
  } finally {
    await lag.close()
  }
}

/** What the server counted, against what the devices were told. */
async function lookBack(
  { api, connection: { eventId } }: Stage,
  told: number,
): Promise<Pick<Figures, 'people' | 'integrity'>> {
  const integrity = await whileWaiting('Checking the log', checkIntegrity(api, eventId))
  type Analytics = { data: { liveStats: { cacheCount: number } } }
  const { data } = await api.get<Analytics>(`/api/hp-scanner/analytics/${eventId}`)
  return {
    people: { told, counted: data.liveStats.cacheCount },
    integrity: {
      ok: integrity.ok,
      entries: integrity.checked.entries,
      discrepancies: integrity.discrepancies.length,
    },
  }
}

function report(stage: Stage, figures: Figures, keep: boolean, json: boolean): void {
  const findings = verdictOn(figures)
  const counts = countFindings(findings)
  const isReady = counts.failure === 0
  const verdict = isReady
    ? counts.warning === 0
      ? 'Ready.'
      : `Ready, with ${counts.warning} to look at.`
    : `Not ready: ${counts.failure} must be mended.`
  const copy = keep ? stage.connection.eventId : null
  say(json, { success: isReady, ready: isReady, copy, findings, figures }, `${inWords(findings)}\n\n${verdict}`)
  if (!isReady) process.exitCode = exitCodes.problem
}

async function cleanUp(api: Api, { eventId }: Connection, json: boolean): Promise<void> {
  const path = `/api/events/${encodeURIComponent(eventId)}/rehearsals`
  const { data } = await api.get<{ data: { items: { id: string; title: string }[] } }>(path)
  for (const { id } of data.items) await api.delete(`${path}/${id}`)
  say(json, { success: true, deleted: data.items }, `${data.items.length} copies deleted.`)
}

type Bar = Pick<SingleBar, 'increment' | 'update'>

async function withBar<T>(what: string, total: number, stop: AbortSignal, work: (bar: Bar) => Promise<T>): Promise<T> {
  stop.throwIfAborted()
  const bar = new SingleBar(
    {
      format: `${what} {bar} {value} of {total}{more}`,
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  )
  if (process.stderr.isTTY) bar.start(total, 0, { more: '' })
  else tell(`${what}: ${total}`)
  try {
    return await work(bar)
  } finally {
    bar.stop()
  }
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** The first Ctrl-C stops it in good order; who cannot wait for that presses it again. */
function stopper(): AbortController {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  return stop
}

function wishOf(devices: string, rate: string, minutes: string): Wish {
  const wish = {
    devices: Math.floor(amount('devices', devices, MOST.devices)),
    perSecond: amount('rate', rate, MOST.rate),
    minutes: amount('minutes', minutes, MOST.minutes),
  }
  if (wish.devices < 1) throw new UsageFailure('--devices takes a number from 1 on.')
  if (wish.perSecond * wish.minutes * 60 > MOST.scans) {
    throw new UsageFailure(`That is more than ${MOST.scans.toLocaleString('en')} scans; take fewer minutes.`)
  }
  return wish
}

function amount(name: string, text: string, most: number): number {
  const number = Number(text)
  if (number > 0 && number <= most) return number
  throw new UsageFailure(`--${name} takes a number up to ${most}, not ${text}.`)
}
