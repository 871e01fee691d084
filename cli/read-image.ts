import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import { Failure, whyNot } from './failure.ts'

/** Takes an image file; gives the text of the code in it, and fails where there is none or more than one. */
export async function readImage(file: string): Promise<string> {
  const image = await readFile(file).catch((error: unknown) => {
    throw new Failure(`Cannot read ${file}: ${whyNot(error)}.`)
  })
  // By default it would fetch its WebAssembly from a network that may not be there.
  const wasm = await readFile(fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm')))
  await prepareZXingModule({ overrides: { wasmBinary: wasm.buffer as ArrayBuffer }, fireImmediately: true })

  const found = await readBarcodes(new Uint8Array(image), { tryHarder: true, maxNumberOfSymbols: 8 }).catch(() => {
    throw new Failure(`${file} is not an image that can be read.`)
  })
  const texts = [...new Set(found.filter(({ isValid }) => isValid).map(({ text }) => text))]
  const [text] = texts
  if (text === undefined) throw new Failure(`There is no readable code in ${file}.`)
  if (texts.length > 1) throw new Failure(`There are ${texts.length} codes in ${file}; cut out the one that is meant.`)
  return text
}
