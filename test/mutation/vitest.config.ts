import { defineConfig } from 'vitest/config'

/** The tests that the rules of entry are held to when `stryker` changes them, one place at a time. */
export default defineConfig({ test: { include: ['test/everywhere/{judge,verdicts}.test.ts'] } })
