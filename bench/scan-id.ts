import { randomBytes } from 'node:crypto'
import { type ScanId, uuidAt } from '../core/ids.ts'

/** A scan's id as the scanner makes it: scans of one time lie together in the log's index. */
export function newScanId(): ScanId {
  return uuidAt<ScanId>(Date.now(), randomBytes(16))
}
