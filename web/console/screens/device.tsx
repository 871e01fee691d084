import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { type Alert, detailsOf } from '../manage/alerts.ts'
import { exactMoment } from '../manage/moments.ts'
import { useEvery } from '../manage/now.ts'
import { reasonWords } from '../manage/words.ts'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import type { ScreenProps } from '../routes.ts'
import type { Device } from '../things.ts'
import { moment, number, words } from '../words/language.ts'

type Trail = {
  scans: number
  admitted: number
  duplicates: number
  duplicatesLately: number
  invalid: { at: string; reason: string; count: number }[]
  invalidLately: number
  blockedSince: string | null
  alerts: Alert[]
}

const LOOK_EVERY_MS = 10_000

/** One scanner: what it did, and everything that it got wrong. */
export default function DeviceScreen({ params }: ScreenProps) {
  const t = words.value.device
  const { event, path, home } = useEvent()
  const id = params.deviceId ?? ''
  const loaded = useGet<{ device: Device; trail: Trail }>(`${path}/devices/${encodeURIComponent(id)}`)
  useEvery(LOOK_EVERY_MS, () => void loaded.reload())
  const entries = `${home}/entries?device=${encodeURIComponent(id)}`
  return (
    <Loaded of={loaded}>
      {({ device, trail }) => (
        <>
          <Heading title={device.name} of={t.title}>
            <Link to={entries} class="button">
              <Icon name="clock" />
              {t.toScans}
            </Link>
          </Heading>
          <p class="dim">
            {t.enrolled(device.staffName, moment(device.enrolledAt, event.timezone))}
            {device.revokedAt && ` ${t.revoked(moment(device.revokedAt, event.timezone))}`}
          </p>
          {trail.blockedSince && device.blockedUntil && (
            <p class="notice">
              <Icon name="lock" />
              {t.blocked(exactMoment(trail.blockedSince, event.timezone), moment(device.blockedUntil, event.timezone))}
            </p>
          )}
          <dl class="figures">
            <Fact label={t.scans} value={number(trail.scans)} />
            <Fact label={t.admitted} value={number(trail.admitted)} />
            <Fact
              label={t.duplicates}
              value={number(trail.duplicates)}
              hint={t.lately(number(trail.duplicatesLately), number(event.limits.duplicatesPerFiveMinutes ?? 0))}
            />
            <Fact
              label={t.invalid}
              value={number(trail.invalid.reduce((sum, { count }) => sum + count, 0))}
              hint={t.lately(number(trail.invalidLately), number(event.limits.invalidCodesPerFiveMinutes ?? 0))}
            />
          </dl>
          <section class="card panel">
            <h2>{t.alerts}</h2>
            {trail.alerts.length === 0 ? (
              <p class="hint">{t.noAlerts}</p>
            ) : (
              <Table
                stacks
                caption={t.alerts}
                items={trail.alerts}
                keyOf={(alert) => alert.id}
                columns={[
                  { title: t.when, cell: ({ at }) => <span class="nowrap">{exactMoment(at, event.timezone)}</span> },
                  { title: t.what, cell: ({ kind }) => words.value.alerts.kinds[kind][0] },
                  { title: t.details, cell: (alert) => detailsOf(alert, event.timezone) || '–' },
                ]}
              />
            )}
          </section>
          <section class="card panel">
            <h2>{t.invalid}</h2>
            <p class="hint">{t.invalidHow}</p>
            {trail.invalid.length === 0 ? (
              <p class="hint">{t.noInvalid}</p>
            ) : (
              <Table
                caption={t.invalid}
                items={trail.invalid}
                keyOf={({ at, reason }) => at + reason}
                columns={[
                  { title: t.minute, cell: ({ at }) => <span class="nowrap">{moment(at, event.timezone)}</span> },
                  { title: t.what, cell: ({ reason }) => reasonWords(reason) },
                  { title: t.codes, isNumber: true, cell: ({ count }) => number(count) },
                ]}
              />
            )}
          </section>
        </>
      )}
    </Loaded>
  )
}

function Fact({ label, value, hint }: { label: string; value: string; hint?: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <strong>{value}</strong>
        {hint && <small>{hint}</small>}
      </dd>
    </div>
  )
}
