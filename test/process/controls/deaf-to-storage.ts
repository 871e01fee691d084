import { ScanLog } from '../../../durable-objects/scans/scan-log.ts'

export { default, Gatekeeper, WebhookSender } from '../../../workers/index.ts'

/**
 * A Gatekeeper with one fault: where an entry cannot be written it answers all the same. As long as its storage takes
 * everything, nobody can tell.
 */
const { append } = ScanLog.prototype

ScanLog.prototype.append = function (scan, cacheHit, fingerprint) {
  try {
    return append.call(this, scan, cacheHit, fingerprint)
  } catch {
    // That nobody hears of it is the fault.
    return { entry: { ...scan, seq: this.head + 1 }, settle: () => {} }
  }
}
