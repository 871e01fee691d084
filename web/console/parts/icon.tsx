/** Each drawn in 24 by 24 with one stroke. */
const paths = {
  live: 'M3 12h4l3-8 4 16 3-8h4',
  events: 'M4 6h16v14H4zM4 10h16M8 3v5M16 3v5',
  ticket: 'M4 7h16v4a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4zM14 7v11',
  import: 'M12 3v11M7 10l5 5 5-5M4 19h16',
  type: 'M4 4h8l8 8-8 8-8-8zM8 8v.01',
  gate: 'M5 21V4l9-1v18M14 5h5v16M3 21h18M11 12v.01',
  people:
    'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 19a5.5 5.5 0 0 1 11 0M16 5.5a3 3 0 0 1 0 5.5M17 14a5.5 5.5 0 0 1 4.5 5',
  device: 'M7 2h10v20H7zM11 18.5h2',
  twice: 'M8 8h12v12H8zM4 16V4h12',
  conflict: 'M12 3l10 18H2zM12 10v5M12 18v.01',
  report: 'M5 3h10l4 4v14H5zM9 12v5M12 9v8M15 14v3',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  key: 'M8 15.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11.5h9v4M17 11.5v3',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  check: 'M4 12.5l5.5 5.5L20 6.5',
  cross: 'M5 5l14 14M19 5L5 19',
  exit: 'M10 4H4v16h6M9 12h11M16 8l4 4-4 4',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2.5',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L21 21',
  plus: 'M12 5v14M5 12h14',
  back: 'M19 12H5M11 6l-6 6 6 6',
  next: 'M9 5l7 7-7 7',
  copy: 'M8 8h12v12H8zM4 16V4h12',
  cloud: 'M4 4l16 16M9 7a5.5 5.5 0 0 1 9 3.5 4 4 0 0 1 2.5 6M6 10a4.5 4.5 0 0 0 1 9h10',
  pin: 'M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  lock: 'M6 11h12v10H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11',
} as const

export type IconName = keyof typeof paths

/** Goes beside a word, which says the same; so it is nothing to a screen reader. */
export function Icon({ name, big = false }: { name: IconName; big?: boolean }) {
  return (
    <svg class={big ? 'icon big' : 'icon'} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}
