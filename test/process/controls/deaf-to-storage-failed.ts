import honest from '../../../workers/index.ts'
import { Gatekeeper as DeafToStorage } from './deaf-to-storage.ts'
import { withFailingParts, withoutKv } from './failing-platform.ts'

export { WebhookSender } from '../../../workers/index.ts'

/** The server that does not hear of what could not be written, where some entries cannot be. */
export const Gatekeeper = withFailingParts(DeafToStorage)
export default withoutKv(honest)
