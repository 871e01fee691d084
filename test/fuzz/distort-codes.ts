import { parseArgs } from 'node:util'
import { distortions, openDistorted } from './codes.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '1000000' } },
})
const count = Number(values.count)
const first = Number(values.seed)
if (!(count > 0) || !Number.isInteger(first)) throw new Error('--count is how many codes, --seed a whole number')

/** So many codes come from one seed, each seed with an event and tickets of its own. */
const A_SEED = 100_000
const startedAt = performance.now()
const total = { distorted: 0, genuine: 0, byAnswer: {} as Record<string, number> }
for (let seed = first, left = count; left > 0; seed++, left -= A_SEED) {
  const { distorted, accepted, byAnswer, genuine } = await openDistorted(seed, Math.min(left, A_SEED))
  total.distorted += distorted
  total.genuine += genuine
  for (const [answer, n] of Object.entries(byAnswer)) total.byAnswer[answer] = (total.byAnswer[answer] ?? 0) + n
  if (accepted.length > 0) {
    console.error(
      `seed ${seed}:\n${accepted.join('\n')}\nagain with: npm run distort-codes -- --seed ${seed} --count ${A_SEED}`,
    )
    process.exitCode = 1
    break
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${total.distorted} of ${count}`)
}
if (process.stderr.isTTY) process.stderr.write('\r')
const seconds = (performance.now() - startedAt) / 1000
const answers = Object.entries(total.byAnswer).map(([answer, n]) => `${n} ${answer}`)
console.log(
  `${total.distorted} distorted codes in ${Object.keys(distortions).length} ways, ${process.exitCode ? 'SOME' : 'none'} ` +
    `accepted (${answers.join(', ')}); ${total.genuine} genuine ones opened in between; ` +
    `${Math.round(seconds)} s, ${Math.round(total.distorted / seconds)} a second`,
)
