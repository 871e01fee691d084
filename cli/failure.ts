import { stripVTControlCharacters } from 'node:util'

/** What may well happen and is told in one sentence. Anything else that is thrown is a bug. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.problem) {
    super(message)
    this.exitCode = exitCode
  }
}

/** A command that was written wrongly. */
export class UsageFailure extends Failure {
  constructor(message: string) {
    super(message, exitCodes.usage)
  }
}

export const exitCodes = { done: 0, problem: 1, usage: 2, refused: 3 } as const

/** Gives the code of a system error (`ENOENT`), or null for anything else. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/** Gives why a file could not be read or written, as the end of a sentence. */
export function whyNot(error: unknown): string {
  return reasons[systemCode(error) ?? ''] ?? inOneLine(error)
}

/** Gives what is known of something that was thrown, in one line. */
export function inOneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return stripVTControlCharacters(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of that path is a file',
  EEXIST: 'it is a file, not a folder',
  ENOSPC: 'the disk is full',
}
