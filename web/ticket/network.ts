const ASK_EVERY_MS = 5000

/**
 * Has a saved copy make way for the page of now. A browser says that it is online before anything can be reached, so the
 * copy may come once more: it is the server that is asked, for as long as it takes.
 */
export function reloadOnceThereIsNetwork(): void {
  const look = () => {
    fetch(`${location.pathname}/code`, { method: 'HEAD', cache: 'no-store' }).then(
      () => location.reload(),
      () => {
        // Still none.
      },
    )
  }
  addEventListener('online', look)
  setInterval(look, ASK_EVERY_MS)
}
