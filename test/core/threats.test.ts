import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The rows of the table: the number of a threat, and the files that show it to be met. */
const rows = [...read('docs/security.md').matchAll(/^\| (\d+) \|.*\|([^|]*)\|$/gm)].map(([, number, files = '']) => ({
  number: String(number).padStart(2, '0'),
  files: [...files.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path),
}))

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
