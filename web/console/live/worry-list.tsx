import { useNow } from '../now.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import type { EventDetails } from '../things.ts'
import { ago, number, percent, timeOfDay, words } from '../words/language.ts'
import type { Doors } from './source.ts'
import { type Worry, worriesOf } from './worries.ts'

/** What somebody should look at now, why it is shown, and what to do. */
export function Worries({ doors, event }: { doors: Doors; event: EventDetails }) {
  const now = useNow()
  const known = {
    event,
    stats: doors.stats.value?.data ?? null,
    devices: doors.devices.value,
    conflicts: doors.conflicts.value,
    alerts: doors.alerts.value,
    nameOfGate: (id: string) => doors.gates.value?.find(({ gateId }) => gateId === id)?.name ?? id,
  }
  const worries = worriesOf(known, now)
  const shown = worries.slice(0, MOST)
  return (
    // It stands here from the start, so that screen readers hear of what comes into it.
    <ul class="worries" aria-label={words.value.live.worries.title} aria-live="polite" aria-relevant="additions">
      {shown.map((worry) => {
        const { icon, title, how } = inWords(worry, event.timezone, now)
        return (
          <li key={worry.kind + subjectOf(worry)}>
            <Icon name={icon} />
            <p>
              <strong>{title}</strong> {how}
            </p>
          </li>
        )
      })}
      {worries.length > MOST && (
        <li key="more">
          <Icon name="more" />
          <p>
            {number(worries.length - MOST)} {words.value.live.worries.more}
          </p>
        </li>
      )}
    </ul>
  )
}

const MOST = 8

function subjectOf(worry: Worry): string {
  if ('device' in worry) return worry.device
  if ('zone' in worry) return worry.zone
  if ('gate' in worry) return worry.gate
  return 'ticket' in worry ? worry.ticket : ''
}

function inWords(worry: Worry, timezone: string, now: number): { icon: IconName; title: string; how: string } {
  const t = words.value.live.worries
  switch (worry.kind) {
    case 'log_away':
      return { icon: 'cloud', title: t.log_away[0], how: t.log_away[1] }
    case 'lagging':
      return {
        icon: 'clock',
        title: `${number(worry.entries)} ${t.lagging[0]}`,
        how: `${t.lagging[1]} ${ago(worry.lagMs)}. ${t.lagging[2]}`,
      }
    case 'zone_full':
    case 'zone_nearly_full': {
      const [title, how] = t[worry.kind]
      const share = percent(worry.inside / worry.capacity)
      return {
        icon: 'people',
        title: `${worry.zone}: ${title}`,
        how: `${number(worry.inside)} / ${number(worry.capacity)} (${share}). ${how}`,
      }
    }
    case 'duplicates':
      return {
        icon: 'twice',
        title: `${number(worry.attempts)} ${t.duplicates[0]}`,
        how: `${percent(worry.share)} ${t.duplicates[1]}`,
      }
    case 'conflicts':
      return {
        icon: 'conflict',
        title: `${number(worry.count)}${worry.count >= 200 ? '+' : ''} ${worry.count === 1 ? t.conflicts[0] : t.conflicts[1]}`,
        how: t.conflicts[2],
      }
    case 'device_blocked':
      return {
        icon: 'lock',
        title: `${worry.device}: ${t.device_blocked[0]}`,
        how: `${t.device_blocked[1]} ${timeOfDay(worry.until, timezone)}. ${t.device_blocked[2]}`,
      }
    case 'device_silent':
      return {
        icon: 'device',
        title: `${worry.device}: ${t.device_silent[0]}`,
        how: `${t.device_silent[1]} ${ago(now - Date.parse(worry.since))}. ${t.device_silent[2]}`,
      }
    case 'devices_silent':
      return { icon: 'device', title: `${number(worry.count)} ${t.devices_silent[0]}`, how: t.devices_silent[1] }
    case 'gate_surge':
      return {
        icon: 'gate',
        title: `${worry.gate}: ${t.gate_surge[0]}`,
        how: `${number(worry.scans)} ${t.gate_surge[1]} ${number(worry.usual)} ${t.gate_surge[2]} ${when(worry.at, now)}`,
      }
    case 'device_refusing':
      return {
        icon: 'device',
        title: `${worry.device} ${t.device_refusing[0]}`,
        how: `${percent(worry.share)} ${t.device_refusing[1]} ${percent(worry.usual)} ${t.device_refusing[2]} ${when(worry.at, now)}`,
      }
    case 'ticket_many_gates':
      return {
        icon: 'twice',
        title: t.ticket_many_gates[0],
        how: `${t.ticket_many_gates[1]} ${worry.gates.join(', ')}. ${when(worry.at, now)}`,
      }
    case 'clock_skew':
      return {
        icon: 'clock',
        title: `${worry.device}: ${t.clock_skew[0]}`,
        how: `${number(Math.round(worry.skewMs / 1000))} ${t.clock_skew[1]}`,
      }
  }
}

function when(at: string, now: number): string {
  return `${words.value.live.worries.unusualWhen} ${ago(now - Date.parse(at))}.`
}
