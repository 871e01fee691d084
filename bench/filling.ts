/** `scanned` tickets that are in, and among their ids, evenly spread, `fresh` ones that nobody has scanned yet. */
export type Filling = { scanned: number; fresh: number; madeAt: number; people: { name: string; words: string[] }[] }

/** What the database takes in bytes, and how much of that the standings. */
export type Filled = { entries: number; standingBytes: number; databaseBytes: number }
