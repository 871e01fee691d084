import { useSignal } from '@preact/signals'
import { type Problem, post } from '../api.ts'
import { useEvent } from '../event.ts'
import { useWhole } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { Form, textIn, type Values } from '../manage/form.tsx'
import { countdown } from '../manage/moments.ts'
import { useEvery, useNow } from '../manage/now.ts'
import type { Gate, Staff } from '../manage/things.ts'
import { nameIn } from '../names.ts'
import { AddButton } from '../parts/add-button.tsx'
import { CopyButton } from '../parts/copy-button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import type { Device } from '../things.ts'
import { ago, number, percent, timeOfDay, words } from '../words/language.ts'

const t = words.value.devices

const LOOK_EVERY_MS = 10_000

/** The scanners: how they fare, and how one more becomes one. */
export default function DevicesScreen() {
  const { event, path, home } = useEvent()
  const list = useWhole<Device>(`${path}/devices`)
  const gates = useWhole<Gate>(`${path}/gates`)
  const gateName = (id: string) => nameIn(gates.value?.items, id)
  const isEnrolling = useSignal(false)
  const asked = useSignal<{ device: Device; what: 'revoke' | 'unblock' } | null>(null)
  useEvery(LOOK_EVERY_MS, () => void list.reload())
  const now = useNow(LOOK_EVERY_MS)
  const enrol = (
    <AddButton
      onClick={() => {
        isEnrolling.value = true
      }}
    >
      {t.enrolADevice}
    </AddButton>
  )
  return (
    <>
      <Heading title={t.devices} of={event.title}>
        {enrol}
      </Heading>
      <p class="dim">{t.eachPhoneTabletOr}</p>
      <Loaded of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="device" title={t.noDeviceYet}>
              <p>{t.anyPhoneWithA}</p>
            </Empty>
          ) : (
            <Table
              stacks
              caption={t.devices}
              items={sorted(items, now)}
              keyOf={({ id }) => id}
              columns={[
                {
                  title: t.device,
                  cell: ({ id, name }) => <Link to={`${home}/devices/${encodeURIComponent(id)}`}>{name}</Link>,
                },
                { title: t.state, cell: (device) => <State device={device} now={now} timezone={event.timezone} /> },
                { title: t.staff, cell: ({ staffName }) => staffName },
                { title: t.gate, cell: ({ gateId }) => (gateId === null ? t.any : gateName(gateId)) },
                {
                  title: t.lastSeen,
                  cell: ({ lastSeenAt }) => (
                    <span class="nowrap">{lastSeenAt ? ago(now - Date.parse(lastSeenAt)) : t.never}</span>
                  ),
                },
                {
                  title: t.waitingScans,
                  isNumber: true,
                  cell: ({ pendingScans }) => (pendingScans === null ? '–' : number(pendingScans)),
                },
                { title: t.clock, cell: ({ clockSkewMs }) => <Clock skewMs={clockSkewMs} /> },
                {
                  title: t.readyOffline,
                  cell: ({ readyOffline }) => (readyOffline === null ? '–' : readyOffline ? t.yes : t.notYet),
                },
                {
                  title: t.battery,
                  isNumber: true,
                  cell: ({ battery }) => (battery === null ? '–' : percent(battery)),
                },
                { title: t.version, cell: ({ appVersion }) => appVersion ?? '–' },
                {
                  title: t.actions,
                  cell: (device) => (
                    <span class="actions">
                      {isBlocked(device, now) && (
                        <button
                          type="button"
                          aria-label={t.unblockThis(device.name)}
                          onClick={() => {
                            asked.value = { device, what: 'unblock' }
                          }}
                        >
                          {t.unblock}
                        </button>
                      )}
                      {device.revokedAt === null && (
                        <button
                          type="button"
                          class="danger"
                          aria-label={t.revokeThis(device.name)}
                          onClick={() => {
                            asked.value = { device, what: 'revoke' }
                          }}
                        >
                          {t.revoke}
                        </button>
                      )}
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {isEnrolling.value && (
        <EnrolDialog
          known={list.value?.items.length ?? 0}
          reload={() => void list.reload()}
          onClose={() => {
            isEnrolling.value = false
            void list.reload()
          }}
        />
      )}
      {asked.value && (
        <AskedDialog
          {...asked.value}
          onDone={() => void list.reload()}
          onClose={() => {
            asked.value = null
          }}
        />
      )}
    </>
  )
}

function isBlocked({ blockedUntil }: Device, now: number): boolean {
  return blockedUntil !== null && Date.parse(blockedUntil) > now
}

/** What needs somebody first, what is gone last. */
function sorted(devices: Device[], now: number): Device[] {
  const rank = (device: Device) => (device.revokedAt ? 3 : isBlocked(device, now) ? 0 : device.connected ? 2 : 1)
  return [...devices].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

function State({ device, now, timezone }: { device: Device; now: number; timezone: string }) {
  if (device.revokedAt) return <span class="tag">{t.revoked}</span>
  if (device.blockedUntil && isBlocked(device, now)) {
    return (
      <span class="tag alarm">
        {t.blockedUntil}
        {timeOfDay(device.blockedUntil, timezone)}
      </span>
    )
  }
  return device.connected ? <span class="tag fine">{t.connected}</span> : <span class="tag warn">{t.notConnected}</span>
}

/** Scans are ordered by clocks where a device judges alone. */
function Clock({ skewMs }: { skewMs: number | null }) {
  if (skewMs === null) return <>–</>
  // Less than half a second is what the way to it takes.
  const seconds = Math.round(skewMs / 1000) || 0
  const words = `${seconds > 0 ? '+' : ''}${number(seconds)} s`
  return Math.abs(seconds) >= 30 ? <span class="tag alarm">{words}</span> : <span class="nowrap">{words}</span>
}

type AskedProps = { device: Device; what: 'revoke' | 'unblock'; onDone: () => void; onClose: () => void }

function AskedDialog({ device, what, onDone, onClose }: AskedProps) {
  const { path } = useEvent()
  const label = what === 'revoke' ? t.revoke : t.unblock
  const confirm = async () =>
    settle(await post(`${path}/devices/${encodeURIComponent(device.id)}/${what}`), onDone, `${device.name}: done`)
  return (
    <Confirm
      title={`${label} ${device.name}`}
      action={label}
      isDangerous={what === 'revoke'}
      onConfirm={confirm}
      onClose={onClose}
    >
      {what === 'revoke' ? (
        <>
          <p>{t.itsVeryNextCall}</p>
          {device.pendingScans !== null && device.pendingScans > 0 && (
            <p class="notice">
              {t.itLastSaidThat}
              {number(device.pendingScans)}
              {t.scansWaitOnIt}
            </p>
          )}
        </>
      ) : (
        <p>{t.itWasBlockedFor}</p>
      )}
    </Confirm>
  )
}

type Invitation = { code: string; url: string; qr: string; expiresAt: string }
type EnrolProps = { known: number; reload: () => void; onClose: () => void }

function EnrolDialog({ known, reload, onClose }: EnrolProps) {
  const { path, home } = useEvent()
  const staff = useWhole<Staff>(`${path}/staff`)
  const gates = useWhole<Gate>(`${path}/gates`)
  const invitation = useSignal<Invitation | null>(null)
  const invite = async (values: Values): Promise<Problem | null> =>
    settle(
      await post<Invitation>(`${path}/enrolments`, { staffId: values.staffId, gateId: textIn(values, 'gateId') }),
      (made) => {
        invitation.value = made
      },
    )
  return (
    <Dialog title={t.enrolADevice} onClose={onClose}>
      {invitation.value ? (
        <Invited
          invitation={invitation.value}
          known={known}
          reload={reload}
          onAgain={() => {
            invitation.value = null
          }}
        />
      ) : (
        <Loaded of={staff}>
          {({ items }) =>
            items.length === 0 ? (
              <>
                <p>{t.firstSayWhoWorks}</p>
                <Link to={`${home}/staff`} class="button primary">
                  {t.toTheStaff}
                </Link>
              </>
            ) : (
              <Form
                fields={[
                  {
                    name: 'staffId',
                    label: t.forWhom,
                    kind: 'select',
                    hint: t.itsScansAreLogged,
                    options: items.map(({ id, name, role }) => ({ value: id, label: name, hint: role })),
                  },
                  {
                    name: 'gateId',
                    label: t.atWhichGate,
                    kind: 'select',
                    hint: t.itCanBeChanged,
                    options: [
                      { value: '', label: t.chosenOnTheDevice },
                      ...(gates.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
                    ],
                  },
                ]}
                initial={{ staffId: items[0]?.id ?? '', gateId: '' }}
                action={t.showTheCode}
                submit={invite}
                onCancel={onClose}
              />
            )
          }
        </Loaded>
      )}
    </Dialog>
  )
}

type InvitedProps = { invitation: Invitation; known: number; reload: () => void; onAgain: () => void }

/** The code, until somebody used it or its time is over. */
function Invited({ invitation, known, reload, onAgain }: InvitedProps) {
  const now = useNow(1000)
  const before = useSignal(known).peek()
  const left = Date.parse(invitation.expiresAt) - now
  const isUsed = known > before
  useEvery(isUsed || left <= 0 ? null : 2000, reload)
  if (isUsed) {
    return (
      <>
        <p class="notice fine" role="status">
          {t.theDeviceIsEnrolled}
        </p>
        <button type="button" class="primary" onClick={onAgain}>
          {t.enrolAnother}
        </button>
      </>
    )
  }
  if (left <= 0) {
    return (
      <>
        <p class="notice" role="status">
          {t.theCodeHasExpired}
        </p>
        <button type="button" class="primary" onClick={onAgain}>
          {t.makeANewOne}
        </button>
      </>
    )
  }
  return (
    <>
      <p>{t.pointThePhonesCamera}</p>
      <img class="qr" src={invitation.qr} alt={t.qrCodeThatOpens} width="240" height="240" />
      <p>
        {t.goodFor}
        <strong class="countdown">{countdown(left)}</strong>
        {t.orTypeThisCode}
      </p>
      <p class="secret" data-enrolment>
        {spaced(invitation.code)}
      </p>
      <div class="actions">
        <CopyButton text={invitation.url} what={t.copyTheLink} />
      </div>
    </>
  )
}

/** In groups that the eye can hold; the device takes it with and without blanks. */
function spaced(code: string): string {
  return code.match(/.{1,4}/g)?.join(' ') ?? code
}
