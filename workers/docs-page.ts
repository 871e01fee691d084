import { html, raw } from 'hono/html'
import { whoMay } from './description.ts'
import type { Route } from './route.ts'

/** The API to read in a browser, made from the route table. It needs no script and nothing from anywhere else. */
export async function serveDocs(routes: readonly Route[], description: object): Promise<Response> {
  const tags = [...new Set(routes.map((route) => route.tag))]
  const paths = (description as { paths: Record<string, Record<string, object>> }).paths
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Admit One: the API</title>
<style>
  :root { color-scheme: light dark }
  body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif }
  summary { cursor: pointer; padding: .4rem 0; font-size: 1rem }
  code { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
  .method { display: inline-block; min-width: 4.5rem; font-weight: bold; text-transform: uppercase }
  pre { overflow-x: auto; padding: .75rem; border: 1px solid; border-radius: .4rem; font-size: .85rem }
  details details { margin-left: 1rem }
</style>
<h1>Admit One: the API</h1>
<p>The same as <a href="/openapi.json">OpenAPI</a>, for tools. Credentials go in <code>Authorization: Bearer …</code>.</p>
<nav aria-label="Parts"><ul>${tags.map((tag) => html`<li><a href="#${tag}">${tag}</a></li>`)}</ul></nav>
${tags.map(
  (tag) => html`<section id="${tag}"><h2>${tag}</h2>
${routes.filter((route) => route.tag === tag).map((route) => showRoute(route, paths[route.path]?.[route.method]))}</section>`,
)}
</html>`
  return new Response(String(await page), {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    },
  })
}

function showRoute(route: Route, operation: object | undefined) {
  const { requestBody, responses, parameters } = (operation ?? {}) as Record<string, unknown>
  const part = (title: string, value: unknown) =>
    value === undefined
      ? raw('')
      : html`<details><summary>${title}</summary><pre>${JSON.stringify(value, null, 2)}</pre></details>`
  return html`<details>
<summary><span class="method">${route.method}</span> <code>${route.path}</code><br>${route.summary}</summary>
<p>${whoMay(route)}</p>
${part('Parameters', parameters)}${part('Request', requestBody)}${part('Answers', responses)}
</details>`
}
