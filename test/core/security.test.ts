import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The rows of the table: the number of a threat, and the files that show it to be met. */
const rows = [...read('docs/security.md').matchAll(/^\| (\d+) +\|.*\|([^|]*)\|$/gm)].map(([, number, files = '']) => ({
  number: String(number).padStart(2, '0'),
  files: [...files.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path),
}))

/** How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has. */
const requirements = [27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7]

/** The tests that are named after a threat, as "07 test/edge/access.test.ts". */
const shown = new Set(
  execFileSync('git', ['grep', '-oE', '[\'"`]threat [0-9]{2}: ', '--', 'test/**.test.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(.*?):.*threat (\d\d): $/, '$2 $1')),
)

describe('the list of threats', () => {
  it('has each number from 1 to 41 once', () => {
    expect(rows.map(({ number }) => Number(number))).toEqual([...Array(41).keys()].map((i) => i + 1))
  })

  it('names for each the files with its tests, and no other', () => {
    const told = rows.flatMap(({ number, files }) => files.map((path) => `${number} ${path}`))
    expect(told.toSorted()).toEqual([...shown].toSorted())
  })
})

describe('the checklist of ASVS', () => {
  const chapters = read('docs/asvs.md')
    .split(/^## /m)
    .slice(1)
    .map((chapter) => ({
      named: [...chapter.matchAll(/(?:^\| |[ ,])(\d+\.\d+\.\d+)(?= +\||,|\.\s)/gm)].map(([, number]) => number),
      answers: [...chapter.matchAll(/^\| \d+\.\d+\.\d+ +\|[^|]*\| ([^|]*?) +\|/gm)].map(([, answer]) => answer),
    }))

  it('names each requirement of levels 1 and 2 once', () => {
    expect(chapters.map(({ named }) => named.length)).toEqual(requirements)
    const all = chapters.flatMap(({ named }) => named)
    expect(new Set(all).size).toBe(all.length)
  })

  it('says of each that it is met, not applicable or open, and how many there are of each', () => {
    const answers = chapters.flatMap((chapter) => chapter.answers)
    const count = (wanted: string) => answers.filter((answer) => answer === wanted).length
    const grouped = requirements.reduce((sum, many) => sum + many) - answers.length
    const told = `${count('met')} met, ${count('not applicable') + grouped} not applicable, ${count('open')} open.`
    expect(answers.filter((answer) => !['met', 'not applicable', 'open'].includes(answer ?? ''))).toEqual([])
    expect(read('docs/asvs.md')).toContain(told)
  })
})
