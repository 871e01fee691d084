import { type AuditActor, type AuditKind, type Doing, networkOf } from '../core/audit.ts'
import type { Caller } from './access.ts'
import type { RequestContext } from './request-log.ts'

/** Takes a request and who makes it; gives what the audit log is to say of it. No caller: somebody with an invitation. */
export function doingOf(kind: AuditKind, caller: Caller | null, request: Request, context: RequestContext): Doing {
  return {
    kind,
    by: caller === null ? { kind: 'invited', id: 'invited' } : auditActorOf(caller),
    network: networkOf(request.headers.get('CF-Connecting-IP') ?? ''),
    requestId: context.requestId,
  }
}

/** What a route does that names it: where there is nothing, the route's definition is wrong. */
export function told(doing: Doing | undefined): Doing {
  if (!doing) throw new Error('this route does not say what the audit log is told')
  return doing
}

function auditActorOf(caller: Caller): AuditActor {
  switch (caller.kind) {
    case 'admin':
      return { kind: 'deployment', id: 'deployment' }
    case 'organisation':
      return caller.member
        ? { kind: 'member', id: caller.member.id, role: caller.role }
        : { kind: 'key', id: caller.key?.id ?? '', role: caller.role }
    case 'device':
      return { kind: 'device', id: caller.deviceId, staffId: caller.staffId }
  }
}
