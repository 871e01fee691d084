/** What people call a gate, a type or whatever else of a list; its id as long as the list is not there, or it is not in it. */
export function nameIn(list: readonly { id: string; name: string }[] | undefined, id: string): string {
  return list?.find((one) => one.id === id)?.name ?? id
}
