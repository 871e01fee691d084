import { registerHooks } from 'node:module'

// The Gatekeeper extends a class of its platform; here that is a small one of ours.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'cloudflare:workers'
      ? { url: new URL('./workers.ts', import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
})
