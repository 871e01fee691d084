import type { FormatName, FormatSettings } from '../../core/formats.ts'
import type { Meta } from '../meta.ts'

/** A format that is switched on, with its secrets as the Worker sealed them. */
export type SealedFormat = FormatSettings & {
  format: FormatName
  secret: Uint8Array
  /** The secret before this one, where it is still good. */
  previous: Uint8Array | null
  /** Milliseconds since 1970. */
  changedAt: number
}

/** A format as somebody wants to have it. */
export type WantedFormat = Omit<SealedFormat, 'previous' | 'changedAt'>

/** What the Worker opens other people's codes with. Every change has its own version. */
export type SealedFormats = { version: number; formats: SealedFormat[] }

type Row = {
  format: FormatName
  settings: string
  secret: ArrayBuffer
  previous: ArrayBuffer | null
  changed_at: number
}

/** Which of other people's formats this event takes. A secret comes and goes sealed; nothing here can open it. */
export class CodeFormats {
  readonly #sql: SqlStorage
  readonly #meta: Meta

  constructor(sql: SqlStorage, meta: Meta) {
    this.#sql = sql
    this.#meta = meta
  }

  get version(): number {
    return this.#meta.number('formats')
  }

  all(): SealedFormats {
    const rows = this.#sql.exec<Row>('SELECT * FROM code_format ORDER BY format').toArray()
    return { version: this.version, formats: rows.map(toFormat) }
  }

  /**
   * Switches a format on, or changes it. The secret before stays good beside the new one if that is wished; the same
   * secret again leaves the one before it where it is, so that the call may be sent twice.
   */
  put(wanted: WantedFormat, keepPrevious: boolean, at: number): SealedFormats {
    const { format, secret, ...settings } = wanted
    const known = this.all().formats.find((one) => one.format === format)
    const before = known && sameBytes(known.secret, secret) ? known.previous : (known?.secret ?? null)
    this.#sql.exec(
      'INSERT OR REPLACE INTO code_format (format, settings, secret, previous, changed_at) VALUES (?, ?, ?, ?, ?)',
      format,
      JSON.stringify(settings),
      secret,
      keepPrevious ? before : null,
      at,
    )
    return this.#changed()
  }

  /** Switches a format off, for the very next scan. */
  remove(format: FormatName): SealedFormats {
    this.#sql.exec('DELETE FROM code_format WHERE format = ?', format)
    return this.#changed()
  }

  #changed(): SealedFormats {
    this.#meta.set('formats', this.version + 1)
    return this.all()
  }
}

function toFormat({ format, settings, secret, previous, changed_at }: Row): SealedFormat {
  return {
    ...(JSON.parse(settings) as FormatSettings),
    format,
    secret: new Uint8Array(secret),
    previous: previous && new Uint8Array(previous),
    changedAt: changed_at,
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
