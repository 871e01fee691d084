import { useRef } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { place, setQuery } from '../router.ts'

/** What a list is filtered by: it stands in the address, so that a filtered list can be sent to somebody. */
export function filterNow(names: readonly string[]): Record<string, string> {
  const { query } = place.value
  return Object.fromEntries(names.map((name) => [name, query.get(name) ?? '']))
}

type SearchProps = { name?: string; label: string }

export function SearchFilter({ name = 'search', label }: SearchProps) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  return (
    <search class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        defaultValue={place.peek().query.get(name) ?? ''}
        maxLength={100}
        onInput={({ currentTarget }) => {
          const text = currentTarget.value.trim()
          clearTimeout(timer.current)
          // Not at each letter: the next one is on its way.
          timer.current = setTimeout(() => setQuery({ [name]: text }), 250)
        }}
      />
    </search>
  )
}

type ChoiceProps = { name: string; label: string; all: string; options: readonly { value: string; label: string }[] }

export function ChoiceFilter({ name, label, all, options }: ChoiceProps) {
  return (
    <label class="filter">
      <span class="visually-hidden">{label}</span>
      <select
        value={place.value.query.get(name) ?? ''}
        onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value })}
      >
        <option value="">{all}</option>
        {options.map(({ value, label: shown }) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  )
}
