import type { Recorded, Result } from '../../../core/answers.ts'
import { Gatekeeper as Honest } from '../../../workers/gatekeeper.ts'

export { default, WebhookSender } from '../../../workers/index.ts'

/**
 * A Gatekeeper with one fault: it tells the Worker of attempts counted from 0, as another version might, and logs them counted
 * from 1. What stewards are told is then not what stands in the log.
 */
export class Gatekeeper extends Honest {
  override async record(...asked: Parameters<Honest['record']>): Promise<Result<Recorded>[]> {
    return (await super.record(...asked)).map(countedFromZero)
  }
}

function countedFromZero(result: Result<Recorded>): Result<Recorded> {
  if (!result.ok) return result
  const { entry } = result.value
  const { verdict } = entry
  if (verdict.kind !== 'refused' || verdict.refusal.reason !== 'already_admitted') return result
  const refusal = { ...verdict.refusal, attempt: verdict.refusal.attempt - 1 }
  return { ...result, value: { ...result.value, entry: { ...entry, verdict: { ...verdict, refusal } } } }
}
