import { signal } from '@preact/signals'

/**
 * What can wait until the door is open, which is what counts on a bad network: the sheets, the dialogs, the turnstile,
 * and the setting up, which is done once. null until then.
 */
export const later = signal<typeof import('./screens/later.ts') | null>(null)

export async function loadLater(): Promise<void> {
  later.value = await import('./screens/later.ts')
}
