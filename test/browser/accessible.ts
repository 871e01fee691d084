import axe from 'axe-core'
import type { Page } from 'playwright-core'

/**
 * What axe finds on the page, each with its rule and its element. `colours` looks at contrast alone, which is all that
 * differs between a light page and a dark one. The page's own policy would not let axe in: open it with `bypassCsp`.
 */
export async function violations(page: Page, of: 'everything' | 'colours' = 'everything'): Promise<string[]> {
  await page.evaluate(axe.source)
  const results = await page.evaluate(
    (of) =>
      (globalThis as unknown as { axe: typeof axe }).axe.run({
        resultTypes: ['violations'],
        ...(of === 'colours' ? { runOnly: ['color-contrast'] } : {}),
      }),
    of,
  )
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}
