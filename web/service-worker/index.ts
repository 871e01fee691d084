import { serveShell } from './shell.ts'

declare const self: ServiceWorkerGlobalScope

serveShell(self)
