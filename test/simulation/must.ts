/** What the Gatekeeper gives where it cannot but be given: anything else is a mistake in the simulation. */
export function must<T>(result: { ok: true; value: T } | { ok: false; problem: { code: string } }): T {
  if (!result.ok) throw new Error(`it could not be set up: ${result.problem.code} ${JSON.stringify(result.problem)}`)
  return result.value
}
