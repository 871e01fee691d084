/** What is said of a metric once, before its numbers. */
export type MetricKind = { type: 'counter' | 'gauge' | 'histogram'; help: string }

type Labels = Record<string, string>

/** Prometheus's text format, version 0.0.4: the lines of one metric stand together, under its help and type. */
export class Exposition<Name extends string> {
  readonly #kinds: Record<Name, MetricKind>
  readonly #lines = new Map<Name, string[]>()

  constructor(kinds: Record<Name, MetricKind>) {
    this.#kinds = kinds
  }

  /** Adds a number of a counter or gauge. */
  add(name: Name, labels: Labels, value: number): void {
    this.#add(name, name, labels, value)
  }

  /** Adds a histogram: how many were at most so much, for each bound in rising order, then all, and their sum. */
  addHistogram(name: Name, labels: Labels, upTo: { bound: number; count: number }[], count: number, sum: number): void {
    for (const one of upTo) this.#add(name, `${name}_bucket`, { ...labels, le: String(one.bound) }, one.count)
    this.#add(name, `${name}_bucket`, { ...labels, le: '+Inf' }, count)
    this.#add(name, `${name}_sum`, labels, sum)
    this.#add(name, `${name}_count`, labels, count)
  }

  /** All of it. A metric that has no number is left out. */
  text(): string {
    const blocks = [...this.#lines].map(([name, lines]) => {
      const { type, help } = this.#kinds[name]
      return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
    })
    return blocks.join('')
  }

  #add(name: Name, sample: string, labels: Labels, value: number): void {
    const lines = this.#lines.get(name) ?? []
    lines.push(`${sample}${labelsIn(labels)} ${value}`)
    this.#lines.set(name, lines)
  }
}

function labelsIn(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
