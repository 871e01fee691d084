import { expect } from 'vitest'
import type { Answer } from './client.ts'

/** A request that cannot be judged or done is told so as the contract has it. */
export function expectProblem(answer: Answer<unknown>, status: number, code: string): void {
  expect(answer.status, answer.text).toBe(status)
  expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/)
  expect(answer.body).toMatchObject({
    success: false,
    code,
    error: expect.stringMatching(/\w/),
    message: expect.stringMatching(/\w/),
  })
}

/** What is told to be wrong, field by field. */
export function issuesOf(answer: Answer<unknown>): { field: string; message: string }[] {
  return (answer.body as { data?: { issues?: { field: string; message: string }[] } }).data?.issues ?? []
}
