import { describe, expect, test } from 'vitest'
import { Unavailable } from '../../workers/gatekeepers.ts'
import { isUnavailable } from '../../workers/unavailable.ts'

describe('an error means that the answer is not known yet', () => {
  test.each([
    ['a Gatekeeper could not be reached', new Unavailable('no connection')],
    ['D1 is away', new Error('D1_ERROR: Network connection lost.')],
    ['the disk is full', new Error('database or disk is full: SQLITE_FULL')],
    // As workerd words it where a commit fails that an answer waits for.
    ['the platform broke a call', new Error('internal error; reference = f8stt1gj2aa8ors5c9e15efa')],
  ])('where %s', (_, error) => {
    expect(isUnavailable(error)).toBe(true)
    expect(isUnavailable(new Error('Failed query', { cause: error }))).toBe(true)
  })

  test.each([
    ['a statement is wrong', new Error('near "SELEC": syntax error: SQLITE_ERROR')],
    ['a value is missing', new TypeError("Cannot read properties of undefined (reading 'id')")],
    ['somebody else’s words are in it', new Error('the holder is called internal error; reference = x')],
    ['it is no error', 'internal error; reference = x'],
  ])('but not where %s', (_, error) => {
    expect(isUnavailable(error)).toBe(false)
  })
})
