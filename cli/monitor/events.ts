/** One server-sent event: its name, its id where it has one, and its data as text. */
export type StreamEvent = { name: string; id: string | null; data: string }

/** Takes the text of a stream in any pieces; gives the events that are whole. What is none, as a comment is, is left out. */
export class EventReader {
  #rest = ''

  read(piece: string): StreamEvent[] {
    const blocks = (this.#rest + piece).replaceAll('\r\n', '\n').split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.flatMap((block) => eventIn(block) ?? [])
  }
}

function eventIn(block: string): StreamEvent | null {
  let name = 'message'
  let id: string | null = null
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (colon < 1) continue
    const field = line.slice(0, colon)
    if (field === 'event') name = value
    else if (field === 'id') id = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? null : { name, id, data: data.join('\n') }
}
