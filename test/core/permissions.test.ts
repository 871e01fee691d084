import { describe, expect, it } from 'vitest'
import { app, routes } from '../../workers/api.ts'
import { checkPermissions, nameOfCall, permissions } from '../../workers/permissions.ts'

/** The pages and their files, and what describes the API: the same for everybody. */
const documents =
  /^GET \/(openapi\.json|docs|scan(\/\*)?|console(\/\*)?|assets\/\*|icons\/\*|[a-z-]+\.(js|webmanifest))?$/

describe('the table of who may do what', () => {
  it('lists every call that is answered, and nothing else is', () => {
    const listed = new Set(Object.keys(permissions).map((name) => name.replace(/\{(\w+)\}(\.(svg|png))?/g, ':$1')))
    const answered = app.routes.map(({ method, path }) => `${method} ${path}`).filter((name) => name !== 'ALL /*')
    expect(answered.filter((name) => !listed.has(name) && !documents.test(name))).toEqual([])
    expect(routes.map(nameOfCall).sort()).toEqual(Object.keys(permissions).sort())
  })

  it('stops a start with a call that has no row, or whose row says otherwise, or with a row too many', () => {
    const stray = { method: 'get', path: '/api/events/{eventId}/secrets', role: null } as const
    expect(() => checkPermissions([...routes, stray])).toThrow('GET /api/events/{eventId}/secrets has no row')
    const opened = routes.map((route) => (route.path === '/metrics' ? { ...route, role: null } : route))
    expect(() => checkPermissions(opened)).toThrow('GET /metrics is for anybody, and its row says viewer')
    expect(() => checkPermissions(routes.slice(1))).toThrow('validate-qr stands in the table and is no route')
    expect(() => checkPermissions([...routes, { ...stray, path: 'constructor', method: '' }])).toThrow('has no row')
  })
})
