import { signal } from '@preact/signals'

/** What the search opens with: a short code that somebody typed. Gone as soon as it was read. */
export const searchFor = signal('')
