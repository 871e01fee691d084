import { Gatekeeper as Honest } from '../../../workers/gatekeeper.ts'
import honest from '../../../workers/index.ts'
import { withFailingParts, withoutKv } from './failing-platform.ts'

export { WebhookSender } from '../../../workers/index.ts'

/** The shipped server, failed by its platform. */
export const Gatekeeper = withFailingParts(Honest)
export default withoutKv(honest)
