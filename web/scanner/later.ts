import { signal } from '@preact/signals'

/**
 * What can wait until the first screen is there, which is what counts on a bad network: the sheets, the dialogs, the
 * turnstile. null until then.
 */
export const later = signal<typeof import('./screens/later.ts') | null>(null)

export async function loadLater(): Promise<void> {
  later.value = await import('./screens/later.ts')
}
