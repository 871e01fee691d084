/**
 * What a published vector says, so that one set of expectations holds in Node, in workerd and in a browser: what the code
 * gives there, and what it should give. Both are plain data.
 */
export type Check = { name: string; given: () => unknown; expected: unknown }
