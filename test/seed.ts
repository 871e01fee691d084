import fc from 'fast-check'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    seed: number
  }
}

// What properties draw is the same at each run, so that a tree that is green stays so. `SEED=42 npm test` draws other cases.
fc.configureGlobal({ seed: inject('seed') })
