import { signal } from '@preact/signals'

/** Where one is: the path without what all pages of the console begin with, and what stands behind its `?`. */
export type Place = { path: string; query: URLSearchParams }

const BASE = '/console'

export const place = signal<Place>(placeOf(location))

window.addEventListener('popstate', () => {
  place.value = placeOf(location)
})

/** Takes a path of the console such as `/events`; gives the address that a link to it has. */
export function hrefOf(path: string): string {
  return path === '/' ? BASE : BASE + path
}

/** Goes there. With `replace` the place one comes from is not gone back to. */
export function go(path: string, { replace = false } = {}): void {
  const href = hrefOf(path)
  if (replace) history.replaceState(null, '', href)
  else history.pushState(null, '', href)
  place.value = placeOf(location)
  if (!replace) window.scrollTo(0, 0)
}

/** Changes what stands behind the `?`, such as a filter, without leaving the screen. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(place.peek().query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name)
    else query.set(name, value)
  }
  const text = query.toString()
  go(text ? `${place.peek().path}?${text}` : place.peek().path, { replace: true })
}

/** Takes a pattern such as `/events/:eventId` and a path; gives its parameters, or null where it is another. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const parts = path.split('/')
  if (wanted.length !== parts.length) return null
  const params: Record<string, string> = {}
  for (const [i, name] of wanted.entries()) {
    const part = parts[i] ?? ''
    if (!name.startsWith(':')) {
      if (name !== part) return null
      continue
    }
    const value = decoded(part)
    if (!value) return null
    params[name.slice(1)] = value
  }
  return params
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    // A lone % is in no address that we make.
    return null
  }
}

function placeOf({ pathname, search }: Location): Place {
  const path = pathname.slice(BASE.length).replace(/\/+$/, '')
  return { path: path === '' ? '/' : path, query: new URLSearchParams(search) }
}
