import { enlarging } from './enlarging.ts'
import { keepOffline } from './keep-offline.ts'
import { reloadOnceThereIsNetwork } from './network.ts'
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

/** Says when the network goes and comes. */
function tellNetwork(words: DOMStringMap, place: HTMLElement): void {
  const tell = () => {
    place.textContent = navigator.onLine ? '' : (words.offline ?? '')
  }
  addEventListener('offline', tell)
  if (words.saved === 'true') reloadOnceThereIsNetwork()
  else
    addEventListener('online', () => {
      place.textContent = words.online ?? ''
    })
  tell()
}
