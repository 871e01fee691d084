import type { OpeningKeys, Unseal, VerifySignature } from '../../../core/token.ts'
import type { Store } from './store.ts'

/*
 * Everything the engine needs of the world. A browser gives one set of these, a test another: the engine is the same.
 */

export type Ports = {
  http: Http
  live: OpenSocket
  store: Store
  time: Time
  /** So many random bytes. */
  random: (length: number) => Uint8Array
  crypto: Cryptography
  tabs: Tabs
  surroundings: Surroundings
  /** `https://host` of the server. */
  origin: string
  appVersion: string
}

/** Sends a request; rejects where no whole answer came, within `timeoutMs` or at all. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>

export type HttpRequest = {
  method: 'GET' | 'POST'
  /** From the origin on, with its query. */
  path: string
  headers: Record<string, string>
  body: string | null
  timeoutMs: number
}

export type HttpAnswer = { status: number; header: (name: string) => string | null; bytes: Uint8Array }

/** Opens a socket. `closed` is called once, whether it was ever open or not. */
export type OpenSocket = (
  url: string,
  on: { opened: () => void; message: (text: string) => void; closed: (code: number) => void },
) => { send: (text: string) => void; close: () => void }

export type Time = {
  /** Milliseconds that only ever grow, from no particular beginning. */
  monotonic: () => number
  /** Milliseconds since 1970, as the device's own clock has it. */
  wall: () => number
  /** Calls once, after so long; gives how to call it off. */
  after: (ms: number, call: () => void) => () => void
}

export type Cryptography = {
  verifier: (publicKeyOf: (keys: OpeningKeys) => Uint8Array | null) => VerifySignature
  unseal: Unseal
  /** Makes a key that cannot leave the device; what is given back may be stored, and its public half sent. */
  newDeviceKey: () => Promise<{ key: unknown; publicKey: string }>
  /** Signs with a key that was made here: 64 bytes, of Ed25519 or of ECDSA on P-256 with SHA-256. */
  sign: (key: unknown, message: Uint8Array) => Promise<Uint8Array>
  sha256: (bytes: Uint8Array) => Promise<Uint8Array>
  /** Makes a secret that cannot leave the device, with which PINs are stretched. */
  newPinKey: () => Promise<unknown>
  /** Takes a PIN, its salt and the device's secret; gives 64 bytes that only the three together give. Slow on purpose. */
  stretchPin: (pinKey: unknown, pin: string, salt: Uint8Array) => Promise<Uint8Array>
  /** AES-256-GCM; `open` gives null where the key is not the one. */
  seal: (key: Uint8Array, nonce: Uint8Array, plain: Uint8Array) => Promise<Uint8Array>
  open: (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array) => Promise<Uint8Array | null>
}

/** The other tabs of this device. */
export type Tabs = {
  /** Runs while no other tab runs what has the same name; waits its turn. */
  alone: <T>(name: string, run: () => Promise<T>) => Promise<T>
  /** The same, but where another tab is at it already, null at once. */
  aloneOrNot: <T>(name: string, run: () => Promise<T>) => Promise<T | null>
  tell: (message: TabMessage) => void
  listen: (listener: (message: TabMessage) => void) => () => void
}

export type TabMessage = { type: 'queue' } | { type: 'settings' } | { type: 'wiped'; because: 'device_revoked' | null }

/** What the engine hears of the device it runs on. */
export type Surroundings = {
  /** Whether the app's own files and the decoder are stored, and the browser promised to keep what is. */
  readiness: () => Promise<{ shell: boolean; wasm: boolean; persisted: boolean }>
  /** Calls whenever it may be worth trying the network: online again, visible again. */
  onOccasion: (call: () => void) => () => void
  /** Calls when the app may be put away at any moment. */
  onHidden: (call: () => void) => () => void
  /** Asks to be woken once there is a network, with the app open or not; where the browser cannot, it does nothing. */
  requestSync: () => void
  battery: () => Promise<number | null>
  /** Removes what the app stored beside the engine's own store. */
  wipe: () => Promise<void>
}
