import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { type Sheet as SheetName, useScanner } from '../scanner.ts'
import { number, words } from '../words/language.ts'

export function MenuScreen() {
  const { status, sheet, cameFrom } = useScanner()
  const t = words.value.menu
  const list = useRef<HTMLUListElement>(null)
  useLayoutEffect(() => list.current?.querySelector<HTMLElement>(`[data-sheet=${cameFrom()}]`)?.focus(), [])
  const { enrolment, conflicts, setAside } = status.value
  const items: [SheetName, IconName, string, number?][] = [
    ['gate', 'gate', t.gate],
    ['shift', 'clock', t.shift],
    ['recent', 'twice', t.recent],
    ['conflicts', 'warning', t.conflicts, conflicts.length + setAside.length],
    ['ready', 'cloud', t.ready],
    ['settings', 'settings', t.settings],
    ['kiosk', 'lock', t.kiosk],
    ['sign-out', 'exit', t.signOut],
  ]
  return (
    <Sheet title={t.title} back={() => (sheet.value = null)}>
      <ul class="menu" ref={list}>
        {items.map(([name, icon, label, count = 0]) => (
          <li key={name}>
            <button type="button" data-sheet={name} onClick={() => (sheet.value = name)}>
              <Icon name={icon} />
              {label}
              {count > 0 && <span class="count">{number(count)}</span>}
            </button>
          </li>
        ))}
      </ul>
      {enrolment && (
        <p class="hint">
          {t.signedInAs}
          <bdi>{enrolment.staff.name}</bdi> ({t[enrolment.staff.role]}) · <bdi>{enrolment.device.name}</bdi>
        </p>
      )}
    </Sheet>
  )
}
