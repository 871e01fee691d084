/** An answer before it is a response: a live socket carries the same two in a message. */
export type Answer = { status: number; body: object; headers?: Record<string, string> }

export function respond({ status, body, headers }: Answer): Response {
  return Response.json(body, headers ? { status, headers } : { status })
}
