/** One of the deployment's secrets that keys are derived from, with the number by which codes and tokens name it. */
export type RingKey = {
  /** 1 to 255: one byte of a code. */
  id: number
  secret: string
  /** `codes`: it opens what was printed, linked and stored, and vouches for nobody who asks. */
  opens: 'everything' | 'codes'
}

/**
 * The secrets that hold at a time: one makes everything new, each opens what was made with it. `eldest` names what must
 * stay the same as long as it is there.
 */
export type KeyRing = { current: RingKey; eldest: RingKey; all: readonly RingKey[] }

/** Takes the number in a code or token; gives the secret that it was made with, or undefined where there is none. */
export function keyWithId({ all }: KeyRing, id: number): RingKey | undefined {
  return all.find((key) => key.id === id)
}

/** The secrets that who asks may be vouched for with. */
export function vouchingKeys({ all }: KeyRing): readonly RingKey[] {
  return all.filter(({ opens }) => opens === 'everything')
}

/**
 * Takes `TICKET_KEY` and `TICKET_KEY_PREVIOUS`: a secret, and others that open, separated by commas. Each may have its
 * number before it, as in `2.secret`, and is number 1 without; `codes:` before that says that it opens codes alone. Throws
 * where two secrets have one number, since nobody could say which of them a code is of.
 */
export function readKeyRing(current: string, previous: string = ''): KeyRing {
  const made = readKey(current)
  const others = previous
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(readKey)
    // The next secret stands beside the present one while it is made known, and the other way round afterwards.
    .filter(({ id, secret }) => id !== made.id || secret !== made.secret)
  const all = [{ ...made, opens: 'everything' as const }, ...others]
  if (new Set(all.map(({ id }) => id)).size < all.length) {
    throw new Error(
      'two secrets in TICKET_KEY and TICKET_KEY_PREVIOUS have the same number; write a new one as 2.secret',
    )
  }
  const eldest = all.reduce((a, b) => (b.id < a.id ? b : a))
  return { current: all[0] ?? made, eldest, all }
}

function readKey(entry: string): RingKey {
  const [, codes, number, secret = ''] = /^(codes:)?(?:(\d{1,3})\.)?(.*)$/s.exec(entry) ?? []
  const id = Number(number ?? 1)
  if (id < 1 || id > 255 || secret === '') throw new Error('a secret for tickets is numbered 1 to 255 and is not empty')
  return { id, secret, opens: codes ? 'codes' : 'everything' }
}
