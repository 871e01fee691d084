import type { Icon as OutcomeIcon } from '../outcomes.ts'

export type IconName =
  | OutcomeIcon
  | 'menu'
  | 'settings'
  | 'back'
  | 'torch'
  | 'camera'
  | 'search'
  | 'keyboard'
  | 'sell'
  | 'plus'
  | 'minus'
  | 'arrow'
  | 'lock'
  | 'warning'

/** Each drawn in 24 by 24 with one stroke. */
const paths: Record<IconName, string> = {
  check: 'M4 12.5l5.5 5.5L20 6.5',
  cross: 'M5 5l14 14M19 5L5 19',
  exit: 'M10 4H4v16h6M9 12h11M16 8l4 4-4 4',
  pin: 'M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  twice: 'M8 8h12v12H8zM4 16V4h12',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2.5',
  gate: 'M5 21V4l9-1v18M14 5h5v16M3 21h18M11 12v.01',
  money: 'M3 7h18v11H3zM12 15.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM6 10v.01M18 15v.01',
  hold: 'M9 5v14M15 5v14',
  question: 'M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .6-1.5 1.2-1.5 2.3M12 18.5v.01',
  full: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 19a5.5 5.5 0 0 1 11 0M16 5.5a3 3 0 0 1 0 5.5M17 14a5.5 5.5 0 0 1 4.5 5',
  cloud: 'M4 4l16 16M9 7a5.5 5.5 0 0 1 9 3.5 4 4 0 0 1 2.5 6M6 10a4.5 4.5 0 0 0 1 9h10',
  menu: 'M4 6h16M4 12h16M4 18h16',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  back: 'M19 12H5M11 6l-6 6 6 6',
  torch: 'M13 2L5 14h6l-1 8 9-13h-6z',
  camera: 'M4 7h4l2-3h4l2 3h4v13H4zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L21 21',
  keyboard: 'M3 6h18v12H3zM7 10v.01M11 10v.01M15 10v.01M17.5 10v.01M8 14h8',
  sell: 'M4 7h16v4a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4zM12 9.5v6M9 12.5h6',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  arrow: 'M12 21V3M4 11l8-8 8 8',
  lock: 'M6 11h12v10H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11',
  warning: 'M12 3l10 18H2zM12 10v5M12 18v.01',
}

/** Goes beside a word, which says the same; so it is nothing to a screen reader. */
export function Icon({ name, big = false }: { name: IconName; big?: boolean }) {
  return (
    <svg class={big ? 'icon big' : 'icon'} data-icon={name} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}
