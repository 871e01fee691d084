import { type Finding, failure, pass, warning } from '../findings.ts'
import { type Figures, PATIENCE_MS } from './figures.ts'

/** A queue is not felt below this, and is well beyond the usual above. */
const USUAL_P95_MS = 500

/** Takes what a rehearsal showed; gives what it says of how ready the event is. */
export function verdictOn(figures: Figures): Finding[] {
  return [
    answers(figures),
    waits(figures),
    late(figures),
    limits(figures),
    alone(figures),
    reports(figures),
    counts(figures),
    log(figures),
    ...pace(figures),
  ]
}

function answers({ answered, unanswered, wrong }: Figures): Finding {
  const about = 'answers'
  if (wrong.length > 0) {
    const found = wrong.map(({ kind, got, scans }) => `${scans} × ${kind} answered ${got}`).join(', ')
    return failure(
      about,
      found,
      'A rule of the event refuses whom you mean to let in, or lets in whom you do not: try such a ticket by hand.',
    )
  }
  if (unanswered > 0) {
    return failure(
      about,
      `${count(unanswered)} scans were never answered`,
      'Look at the server’s logs and at the network between here and there.',
    )
  }
  return pass(about, `${count(answered)} scans, each answered as the rules say`)
}

function waits({ waits: { p50, p95, p99, max } }: Figures): Finding {
  const found = `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, longest ${ms(max)}`
  const advice =
    'Rehearse from the venue’s own network, with fewer scans a second; what is left is the way to the server.'
  return p95 <= USUAL_P95_MS ? pass('waiting', found) : warning('waiting', found, advice)
}

function late({ late, answered }: Figures): Finding {
  const about = 'in time'
  const found = `${count(late)} of ${count(answered)} answers took longer than ${PATIENCE_MS / 1000} s`
  if (late === 0) return pass(about, `every answer within ${PATIENCE_MS / 1000} s`)
  const advice = 'Scanners decide alone after that, so doors go on; but a copied ticket may enter twice meanwhile.'
  return late > answered / 100 ? failure(about, found, advice) : warning(about, found, advice)
}

function limits({ limited, planned }: Figures): Finding {
  const about = 'limits'
  if (limited === 0) return pass(about, 'no device asked more than it may')
  const found = `${count(limited)} of ${count(planned)} scans were more than their device may ask`
  return failure(about, found, 'Use more devices, or raise scansPerMinute and scanBurst in the event’s limits.')
}

function alone({ synced: { scans, conflicts, refused } }: Figures): Finding {
  const about = 'cut off'
  if (scans === 0) return pass(about, 'no device was cut off: with two or more, one is')
  const found = `${count(scans)} scans came home, ${count(conflicts)} conflicts, ${count(refused)} refused`
  if (conflicts > 0) return warning(about, found, 'Where conflicts must not be, choose the offline policy strict.')
  return pass(about, found)
}

function reports({ lagMs, drainedMs }: Figures): Finding {
  const about = 'reports'
  const advice = 'Entry does not depend on them. Look at the database’s health and at admit_outbox_lag_seconds.'
  if (drainedMs === null) return failure(about, 'did not come up to date within a minute', advice)
  const found = `at most ${Math.ceil(lagMs / 1000)} s behind, up to date ${(drainedMs / 1000).toFixed(1)} s after the last scan`
  return lagMs > 60_000 ? warning(about, found, advice) : pass(about, found)
}

function counts({ people: { told, counted } }: Figures): Finding {
  const about = 'counts'
  if (told === counted) return pass(about, `${count(told)} people let in, and as many counted`)
  return failure(
    about,
    `${count(told)} people were let in and ${count(counted)} counted`,
    'This must not be: please report it, with the copy kept by --keep.',
  )
}

function log({ integrity: { ok, entries, discrepancies } }: Figures): Finding {
  const about = 'log'
  if (ok) return pass(about, `${count(entries)} entries, every invariant holds`)
  return failure(
    about,
    `${discrepancies} discrepancies in ${count(entries)} entries`,
    'This must not be: rehearse with --keep and look at admit integrity.',
  )
}

/** Only told where it matters: figures of a computer that could not keep up say little of the server. */
function pace({ overdue, planned }: Figures): Finding[] {
  if (overdue <= planned / 20) return []
  return [
    warning(
      'this computer',
      `sent ${count(overdue)} of ${count(planned)} scans late`,
      'It was too busy itself: rehearse from another one, or with fewer scans a second.',
    ),
  ]
}

function count(number: number): string {
  return number.toLocaleString('en')
}

function ms(number: number): string {
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`
}
