import { playEvening } from './play.ts'
import { type Rule, ruleBook, ruleNames } from './rules.ts'

const SCANS = 500

/** Takes each rule out in turn and says in which evening that was found out, and how. Gives the process's exit code. */
export function huntByRules(seed: number, within: number, only: string): number {
  const startedAt = performance.now()
  const wanted = ruleNames.filter((rule) => rule.includes(only) || ruleBook[rule][0].includes(only))
  let missed = 0
  for (const rule of wanted) {
    const [says, policy] = ruleBook[rule]
    const found = foundOut(rule, seed, within)
    if (found === null) missed += 1
    const outcome = found === null ? 'not found out' : `evening ${found.evening}: ${found.how.slice(0, 110)}`
    console.log(`${says.padEnd(58)}${policy.padEnd(8)}${outcome}`)
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`${wanted.length} mutants in ${seconds} s, ${missed} missed`)
  return missed > 0 ? 1 : 0
}

/** The first evening, from a seed on, in which somebody notices that a rule is not there; null: none of so many. */
export function foundOut(rule: Rule, seed: number, within: number): { evening: number; how: string } | null {
  const policy = ruleBook[rule][1]
  for (let evening = 1; evening <= within; evening++) {
    const how = violationOf({ seed: seed + evening - 1, scans: SCANS, policy, broken: rule })
    if (how !== null) return { evening, how }
  }
  return null
}

/** What is thrown by the broken code itself is found out as well: an event that ends in an error is seen by everybody. */
function violationOf(run: Parameters<typeof playEvening>[0]): string | null {
  try {
    return playEvening(run).violation
  } catch (error) {
    return `an error: ${String(error)}`
  }
}
