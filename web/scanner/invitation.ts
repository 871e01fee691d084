/**
 * Takes the enrolment code out of the address that the page was opened with. It works once and is secret as long as it
 * does: it stands behind the #, so no server's log has it, and here it goes from the address and from the way back.
 */
export function takeInvitation(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get('enrol')
  if (location.hash) history.replaceState(null, '', location.pathname)
  return code
}
