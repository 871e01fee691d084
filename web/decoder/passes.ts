import type { ReaderOptions, ReadInputBarcodeFormat } from 'zxing-wasm/reader'

// Our own code is a QR code; what was printed elsewhere may be any of the others.
/** Each frame. */
export const quick: ReaderOptions = {
  formats: ['QRCode'],
  tryHarder: false,
  tryRotate: false,
  tryInvert: false,
  tryDownscale: false,
  maxNumberOfSymbols: 1,
}
const printedElsewhere: ReadInputBarcodeFormat[] = [
  'Aztec',
  'DataMatrix',
  'PDF417',
  'Code128',
  'Code39',
  'EAN13',
  'ITF',
]
/** Now and then. */
export const hard: ReaderOptions = {
  formats: ['QRCode', ...printedElsewhere],
  tryHarder: true,
  tryRotate: true,
  tryInvert: true,
  tryDownscale: true,
  tryDenoise: true,
  maxNumberOfSymbols: 1,
}
