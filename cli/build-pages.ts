import { join } from 'node:path'
import { Failure } from './failure.ts'
import { buildPages } from './pages.ts'

// What `npm run build` runs, and wrangler before it deploys.

try {
  await buildPages(join(import.meta.dirname, '..'))
} catch (error) {
  if (!(error instanceof Failure)) throw error
  console.error(error.message)
  process.exitCode = 1
}
