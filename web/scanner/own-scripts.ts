type ScriptPolicy = { createScriptURL: (url: string) => unknown }
type TrustedTypes = {
  createPolicy: (name: string, rules: { createScriptURL: (url: string) => string }) => ScriptPolicy
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }

/** The one policy that the page's headers name: a script may only be one of our own. */
const policy = trustedTypes?.createPolicy('admit-one', {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError(`${url} is not ours`)
    return url
  },
})

/** Takes the address of a script of ours; gives it as browsers with Trusted Types want it. */
export function ownScript(url: string): string {
  return (policy ? policy.createScriptURL(url) : url) as string
}
