type Reading = Event & { message: { records: { recordType: string; encoding?: string; data?: DataView }[] } }
type Reader = EventTarget & { scan: (options: { signal: AbortSignal }) => Promise<void> }

const { NDEFReader } = globalThis as { NDEFReader?: new () => Reader }

/** Whether this browser reads NFC tags at all: Chrome on Android does. */
export const hasNfc = NDEFReader !== undefined

/** Reads codes from tags held to the device, until the signal. Throws where the person or the device says no. */
export async function listenForNfc(onCode: (text: string) => void, signal: AbortSignal): Promise<void> {
  if (!NDEFReader) return
  const reader = new NDEFReader()
  await reader.scan({ signal })
  reader.addEventListener('reading', (event) => {
    const record = (event as Reading).message.records.find(({ recordType }) => recordType === 'text')
    if (record?.data) onCode(new TextDecoder(record.encoding ?? 'utf-8').decode(record.data))
  })
}
