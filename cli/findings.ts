import { styleText } from 'node:util'

/** Something that was looked at: whether it is as it should be, what was found, and what to do where it is not. */
export type Finding = { about: string; found: string } & (
  | { state: 'pass' }
  | { state: 'warning' | 'failure'; advice: string }
)

export function pass(about: string, found: string): Finding {
  return { about, state: 'pass', found }
}

export function warning(about: string, found: string, advice: string): Finding {
  return { about, state: 'warning', found, advice }
}

export function failure(about: string, found: string, advice: string): Finding {
  return { about, state: 'failure', found, advice }
}

/** How many there are of each kind. */
export function countFindings(findings: readonly Finding[]): Record<Finding['state'], number> {
  const of = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
  return { pass: of('pass'), warning: of('warning'), failure: of('failure') }
}

/** Gives findings as a list for people, in the order they were made: what to do stands below what is wrong. */
export function inWords(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ about }) => about.length))
  return findings
    .map((finding) => {
      const line = `${marks[finding.state]()} ${finding.about.padEnd(width)}  ${finding.found}`
      return finding.state === 'pass' ? line : `${line}\n  ${' '.repeat(width)}  → ${finding.advice}`
    })
    .join('\n')
}

const marks: Record<Finding['state'], () => string> = {
  pass: () => styleText('green', '✓'),
  warning: () => styleText('yellow', '!'),
  failure: () => styleText('red', '✗'),
}
