import { Gatekeeper as Honest } from '../../../workers/gatekeeper.ts'
import { withFailingParts, withoutKv } from './failing-platform.ts'
import { needsKv } from './needs-kv.ts'

export { WebhookSender } from '../../../workers/index.ts'

/** The Worker that cannot do without KV, where KV never works. */
export const Gatekeeper = withFailingParts(Honest)
export default withoutKv(needsKv)
