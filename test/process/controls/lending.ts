/** The same object, but for some of it. */
export function lending<T extends object>(real: T, instead: object): T {
  return new Proxy(real, {
    get(target, name) {
      if (Object.hasOwn(instead, name)) return Reflect.get(instead, name)
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
