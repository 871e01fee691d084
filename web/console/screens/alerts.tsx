import { alertKinds } from '../../../core/alerts.ts'
import { withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useList, useWhole } from '../loading.ts'
import { type Alert, detailsOf, subjectsOf } from '../manage/alerts.ts'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { Listing } from '../manage/listing.tsx'
import { exactMoment } from '../manage/moments.ts'
import type { Gate } from '../manage/things.ts'
import { nameIn } from '../names.ts'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'
import type { Device } from '../things.ts'
import { words } from '../words/language.ts'

/** Everything that somebody should have looked at, with what it means and why it was said. */
export default function AlertsScreen() {
  const t = words.value.alerts
  const { event, path, home } = useEvent()
  const { kind } = filterNow(['kind'])
  const list = useList<Alert>(withQuery(`${path}/alerts`, { kind }))
  const devices = useWhole<Device>(`${path}/devices`)
  const gates = useWhole<Gate>(`${path}/gates`)
  const names = {
    device: (id: string) => nameIn(devices.value?.items, id),
    gate: (id: string) => nameIn(gates.value?.items, id),
    zone: (id: string) => nameIn(event.zones, id),
  }
  return (
    <>
      <Heading title={t.title} of={event.title} />
      <p class="dim">{t.how}</p>
      <div class="filters">
        <ChoiceFilter
          name="kind"
          label={t.kind}
          all={t.allKinds}
          options={alertKinds.map((value) => ({ value, label: t.kinds[value][0] }))}
        />
      </div>
      <Listing<Alert>
        list={list}
        caption={t.caption}
        keyOf={({ id }) => id}
        columns={[
          { title: t.when, cell: ({ at }) => <span class="nowrap">{exactMoment(at, event.timezone)}</span> },
          {
            title: t.what,
            cell: (alert) => (
              <div>
                <strong>{t.kinds[alert.kind][0]}</strong>
                <p class="hint">{t.kinds[alert.kind][1]}</p>
              </div>
            ),
          },
          {
            title: t.about,
            cell: (alert) => (
              <div>
                {subjectsOf(alert, names, home).map(({ name, to }) => (
                  <p key={name}>{to ? <Link to={to}>{name}</Link> : name}</p>
                ))}
                <p class="hint">{detailsOf(alert, event.timezone)}</p>
              </div>
            ),
          },
        ]}
        empty={
          <Empty icon="check" title={t.none}>
            <p>{t.noneHow}</p>
          </Empty>
        }
      />
    </>
  )
}
