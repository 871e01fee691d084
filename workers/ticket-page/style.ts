import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'

/** Stands in the page itself, so that it looks right with no script, offline, and on paper. */
export const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #16181d; --soft: #565d68; --line: #d8dbe0; --warn: #8a1c0f; --warn-paper: #fdeae7 }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --ink: #f2f3f5; --soft: #b4bac4; --line: #3a3f48; --warn: #ffb4a8; --warn-paper: #45150e } }
* { box-sizing: border-box }
html { font: 112.5%/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; background: var(--paper); color: var(--ink) }
body { margin: 0 }
main { max-width: 30rem; margin: 0 auto; padding: 1rem 1rem 3rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.2; margin: .5rem 0 1rem; text-align: center }
h2 { font-size: 1.05rem; margin: 1.25rem 0 .25rem }
p { margin: .5rem 0 }
.state { padding: .75rem 1rem; border: 2px solid currentColor; border-radius: .5rem; background: var(--warn-paper); color: var(--warn); font-weight: 700; text-align: center }
.live { min-height: 1.45em; text-align: center; font-weight: 600 }
.live:empty { min-height: 0; margin: 0 }
.code { margin: 1rem auto; padding: .5rem; width: min(100%, 24rem); background: #fff; border-radius: .75rem }
.code img, dialog img { display: block; width: 100%; height: auto; background: #fff }
.under { text-align: center }
.soft { color: var(--soft) }
dl { margin: 1rem 0; border-top: 1px solid var(--line) }
dl > div { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; padding: .5rem 0; border-bottom: 1px solid var(--line) }
dt { color: var(--soft) }
dd { margin: 0; font-weight: 600; text-align: end }
.number { font-variant-numeric: tabular-nums; letter-spacing: .08em }
.actions { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: center }
a, button { font: inherit; color: inherit; min-height: 2.75rem; padding: .5rem 1rem; border: 2px solid var(--ink); border-radius: .5rem; background: transparent; text-decoration: none; cursor: pointer }
a:focus-visible, button:focus-visible { outline: 3px solid #2f6fed; outline-offset: 3px }
[hidden] { display: none !important }
dialog { width: 100vw; height: 100dvh; max-width: none; max-height: none; margin: 0; padding: 1rem; border: 0; background: #fff; color: #16181d }
dialog[open] { display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 1rem }
dialog img { width: min(100%, calc(100dvh - 8rem)) }
dialog button { border-color: #16181d }
.print-only { display: none }
@page { margin: 15mm }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #333; --line: #999; --warn: #000; --warn-paper: #fff; color-scheme: light }
  html { font-size: 12pt }
  main { max-width: none; padding: 0 }
  .code { width: 8cm; padding: 0; break-inside: avoid }
  .screen-only, dialog { display: none !important }
  .print-only { display: block }
  body.rotates .code { display: none }
}
`

const encoded = btoa(String.fromCharCode(...sha256(utf8ToBytes(style))))

/** Names the style above, and no other, in the page's policy. */
export const styleSource = `'sha256-${encoded}'`
