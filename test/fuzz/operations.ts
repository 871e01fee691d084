/** What the API's own description says of a value, as far as it is looked at here (JSON Schema 2020-12). */
export type Schema = {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  format?: string
  default?: unknown
}

/** One call of the API, as its description has it. */
export type Operation = {
  method: string
  path: string
  pathParams: string[]
  query: Record<string, Schema>
  body: Schema | null
  /** Whether a credential is asked for. */
  isOpen: boolean
}

type Described = {
  parameters?: { in: string; name: string; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  security?: unknown[]
}

/** Takes what `GET /openapi.json` gives; gives every call in it. */
export function operationsIn(description: { paths: Record<string, Record<string, Described>> }): Operation[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      method: method.toUpperCase(),
      path,
      pathParams: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
      query: Object.fromEntries(
        (described.parameters ?? []).filter((one) => one.in === 'query').map(({ name, schema }) => [name, schema]),
      ),
      body: described.requestBody?.content['application/json']?.schema ?? null,
      isOpen: (described.security ?? []).length === 0,
    })),
  )
}
