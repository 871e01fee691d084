import { enlarging } from './enlarging.ts'
import { keepOffline } from './keep-offline.ts'
import { rotate } from './rotating.ts'
import { stayAwake } from './stay-awake.ts'

// The page is whole without this script; what is here makes it handier.

const ticket = document.getElementById('ticket')
const network = document.getElementById('network')

if (ticket && network) {
  stayAwake()
  enlarging()
  keepOffline()
  if (ticket.dataset.rotates === 'true') rotate(ticket.dataset, network)
  else tellNetwork(ticket.dataset, network)
}

/** Says when the network goes and comes. A saved copy makes way for the page of now. */
function tellNetwork(words: DOMStringMap, place: HTMLElement): void {
  const tell = () => {
    place.textContent = navigator.onLine ? '' : (words.offline ?? '')
  }
  addEventListener('offline', tell)
  addEventListener('online', () => {
    if (words.saved === 'true') location.reload()
    else place.textContent = words.online ?? ''
  })
  tell()
}
