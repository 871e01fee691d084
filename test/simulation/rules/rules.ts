import type { OfflinePolicy } from './evening.ts'

/** Every rule that can be taken out, in words, and the policy under which that has to be seen. */
export const ruleBook = {
  // On the device.
  savedFirst: ['a scan is saved before it is shown', 'admit'],
  ownGoHomeFirst: ['a ticket’s own scans go home first', 'strict'],
  oneAtATime: ['one scan at a time', 'strict'],
  exitIsExit: ['an exit without an answer is an exit', 'admit'],
  sameId: ['the same id whoever decides', 'admit'],
  pendingUntilAnswered: ['a scan is pending until it is answered', 'admit'],
  countsPeople: ['a group is counted in people', 'admit'],
  hearsElsewhere: ['a device takes in what happened elsewhere', 'strict'],
  hearsDecisions: ['a device takes in what was decided', 'admit'],
  ownBesideList: ['own scans stand beside the list until it has them', 'admit'],
  exitCountsOnce: ['nobody is counted out twice by an exit that the list may have', 'admit'],
  neverAlone: ['nobody is let in alone where that is the policy', 'never'],
  holderOnly: ['only the holder admits alone', 'strict'],
  leaseIsCurrent: ['a lease is used once all before it is known', 'strict'],
  recallIsKept: ['a recall is written down', 'strict'],
  endedLease: ['a lease that ends is not used any more', 'strict'],
  homeBeforeRecalled: ['what is called back goes home before it is given up', 'strict'],
  // In the Gatekeeper.
  holderAsked: ['the holder is asked first', 'strict'],
  givenUpWhenSaid: ['a ticket is given up when its holder says so', 'strict'],
  leaseComesBack: ['a lease moves when it is given back', 'strict'],
  leaseIsStored: ['a lease is stored', 'strict'],
  oneBreath: ['nothing comes between the look and the write', 'never'],
  answerWaits: ['an answer waits for the disk', 'strict'],
  onceByScanId: ['the same scan again is the same answer', 'admit'],
  revokedIsRefused: ['a revoked or blocked ticket is refused', 'never'],
  annulledOnce: ['an admission that was taken back counts no more', 'never'],
  fullIsFull: ['a full place is full', 'never'],
  noCredit: ['an exit of nobody is no credit', 'admit'],
  aloneBears: ['what gates did alone bears on who may enter', 'admit'],
  judgedByUse: ['what was admitted is judged again by its use only', 'admit'],
  conflictIsKept: ['a conflict is kept', 'admit'],
  gateCounts: ['what the gate did counts, not what it never heard', 'admit'],
  allTimesInOrder: ['a ticket is told by the scans’ own times', 'admit'],
  // To D1.
  markAfterYes: ['the mark moves when D1 has the entries', 'never'],
  addedUpOnce: ['D1 adds up once', 'never'],
  annulmentToD1: ['an annulment reaches D1', 'never'],
} as const satisfies Record<string, readonly [string, OfflinePolicy]>

export type Rule = keyof typeof ruleBook

/** Which rule is taken out, if one is. */
export type Broken = Rule | null

export const ruleNames = Object.keys(ruleBook) as Rule[]
