/** Shows the code over the whole screen, white all around, which also makes the screen as bright as it gets. */
export function enlarging(): void {
  const button = document.getElementById('enlarge')
  const code = document.getElementById('code')
  const large = document.getElementById('large')
  if (!button || !code || !(large instanceof HTMLDialogElement)) return
  const open = () => {
    mirror()
    large.showModal()
  }
  button.hidden = false
  button.addEventListener('click', open)
  code.addEventListener('click', open)
  large.addEventListener('click', () => large.close())
}

/** The enlarged code is the same as the one on the page. */
export function mirror(): void {
  const [image, large] = ['image', 'largeImage'].map((id) => document.getElementById(id))
  if (image instanceof HTMLImageElement && large instanceof HTMLImageElement) large.src = image.src
}
