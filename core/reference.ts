/** How a reference begins that was made from what a row says, since the row has none. Nobody looks for one. */
export const MADE_REFERENCE = 'import:'
