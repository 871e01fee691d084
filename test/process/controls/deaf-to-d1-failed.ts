import honest from '../../../workers/index.ts'
import { Gatekeeper as DeafToD1 } from './deaf-to-d1.ts'
import { withFailingParts, withoutKv } from './failing-platform.ts'

export { WebhookSender } from '../../../workers/index.ts'

/** The server that does not hear of what D1 did not take, where D1 comes and goes. */
export const Gatekeeper = withFailingParts(DeafToD1)
export default withoutKv(honest)
