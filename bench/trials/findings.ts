import { median } from '../quantile.ts'
import type { Reading, Readings, Trial, TrialName, Unit } from './trial.ts'

/** What a trial showed in one round. */
export type Taken = Readings & { trial: TrialName; round: number }

/** What a trial showed in all of them: medians, that of the ratios too, as what slows the machine slows both sides. */
export type Found = Pick<Trial, 'name' | 'about' | 'sides'> & { findings: Finding[] }
export type Finding = { what: string; unit: Unit; value: number; base: number | null; ratio: number | null }

/** Takes the trials that were run and what they showed. Throws where one came to no figure: none is better than a wrong one. */
export function find(trials: Pick<Trial, 'name' | 'about' | 'sides'>[], taken: Taken[]): Found[] {
  return trials.map(({ name, about, sides }) => {
    const rounds = taken.filter(({ trial }) => trial === name).map(({ readings }) => readings)
    const [first] = rounds
    if (!first || first.length === 0) throw new Error(`the ${name} showed nothing`)
    for (const readings of rounds) check(name, first, readings)
    return { name, about, sides, findings: first.map((_, at) => findingOf(rounds.flatMap((round) => round[at] ?? []))) }
  })
}

function findingOf(readings: Reading[]): Finding {
  const [{ what, unit }] = readings as [Reading]
  const compared = readings.flatMap(({ value, base }) => (base === null ? [] : [{ value, base }]))
  const value = median(readings.map((reading) => reading.value))
  if (compared.length === 0) return { what, unit, value, base: null, ratio: null }
  const ratio = median(compared.map((one) => one.value / one.base))
  return { what, unit, value, base: median(compared.map(({ base }) => base)), ratio }
}

/** Each round must show what the first did, and a figure everywhere. */
function check(name: TrialName, first: Reading[], readings: Reading[]): void {
  const list = (of: Reading[]) => of.map(({ what, base }) => `${what}${base === null ? '' : ', compared'}`).join('; ')
  if (list(readings) !== list(first)) throw new Error(`the ${name} showed ${list(readings)} after ${list(first)}`)
  for (const { what, value, base } of readings)
    for (const figure of base === null ? [value] : [value, base])
      if (!(Number.isFinite(figure) && figure > 0)) throw new Error(`the ${name} came to ${figure} for ${what}`)
}
