import type { Stub } from '../../durable-objects/calling.ts'
import { isTrouble, type Place, type PlatformObject, Trouble } from './platform-object.ts'
import type { World } from './world.ts'

/** How long a call takes one way, where nothing is wrong. */
const WAY_MS = 3
const SLOW_MS = 1500
/** Of the calls that fail, so many do because the object has too much to do. */
const OVERLOADED = 0.1

/** What becomes of a call: it and its answer arrive; it never does; its answer never does; or it does after its caller was told that it failed. */
type Fate = 'arrives' | 'lost' | 'unheard' | 'late'

/**
 * The ways between a divided event's objects, and from the Worker to them. What is sent is copied, as everywhere between
 * processes; it leaves once its sender's disk has what was written before, takes its time, and is overtaken.
 */
export class Ways {
  readonly #world: World
  /** How often a call fails, and how often it is slow. */
  weather = { lossy: 0, slow: 0 }
  /** What an object threw that is nobody's trouble but ours, whoever caught it. */
  bug: unknown = null

  constructor(world: World) {
    this.#world = world
  }

  /** The object as it is seen from a place. */
  stub(from: Place, to: PlatformObject): Stub {
    const get = (_: Stub, name: string | symbol) => {
      return (...given: unknown[]) => this.#carry(from, to, String(name), given)
    }
    return new Proxy({} as Stub, { get })
  }

  #carry(from: Place, to: PlatformObject, name: string, given: unknown[]): Promise<unknown> {
    // A request, and a response with a socket in it, are handed on as they are.
    const copied = <T>(value: T): T => (name === 'fetch' ? value : structuredClone(value))
    const sent = copied(given)
    const fate = this.#fate()
    return new Promise((resolve, reject) => {
      const isThere = from.presence()
      const tell = (what: () => void) => {
        if (isThere()) from.after(this.#takes(), what)
      }
      const fail = () => tell(() => reject(this.#broken()))
      from.onceDurable(() => {
        if (fate === 'lost') return fail()
        if (fate === 'late') fail()
        this.#world.after(this.#takes(), () => {
          to.call(name, sent).then(
            (answer) => {
              if (fate === 'unheard') fail()
              else if (fate === 'arrives') tell(() => resolve(copied(answer)))
            },
            (error) => {
              if (!isTrouble(error)) this.bug ??= error
              if (fate !== 'late') tell(() => reject(this.#asHeard(error)))
            },
          )
        })
      })
    })
  }

  #fate(): Fate {
    const { chance } = this.#world
    return chance.happens(this.weather.lossy) ? chance.of<Fate>(['lost', 'unheard', 'late']) : 'arrives'
  }

  #takes(): number {
    const { chance } = this.#world
    return chance.happens(this.weather.slow) ? chance.wait(SLOW_MS) : chance.wait(WAY_MS)
  }

  #broken(): Trouble {
    const isOverloaded = this.#world.chance.happens(OVERLOADED)
    return new Trouble('the way is broken', { retryable: !isOverloaded, overloaded: isOverloaded })
  }

  /** What is thrown in an object says nothing elsewhere of whether it may be asked again; that the object died does. */
  #asHeard(error: unknown): Trouble {
    return error instanceof Trouble ? error : new Trouble(String(error))
  }
}
