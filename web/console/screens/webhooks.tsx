import { useSignal } from '@preact/signals'
import { type WebhookKind, webhookKinds } from '../../../core/webhooks.ts'
import { del, type Problem, post, put, withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useList, useWhole } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { listIn, textIn, type Values } from '../manage/form.tsx'
import { FormDialog } from '../manage/form-dialog.tsx'
import { Listing } from '../manage/listing.tsx'
import { exactMoment } from '../manage/moments.ts'
import { ShownOnce } from '../manage/shown-once.tsx'
import { AddButton } from '../parts/add-button.tsx'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { complain, say } from '../parts/toast.tsx'
import { place } from '../router.ts'
import { number, words } from '../words/language.ts'

const t = words.value.webhooks

type Webhook = {
  id: string
  url: string
  events: WebhookKind[]
  state: 'active' | 'failing' | 'disabled'
  failingSince: string | null
  disabledBecause: 'failing' | 'gone' | null
  lastSucceededAt: string | null
  pending: number
  failed: number
}
type Delivery = {
  id: string
  type: string
  state: 'pending' | 'delivered' | 'failed'
  attempts: number
  status: number | null
  problem: string | null
  createdAt: string
  lastAttemptAt: string | null
  nextAttemptAt: string | null
}

const kindWords: Record<WebhookKind, string> = {
  'ticket.admitted': t.somebodyCameIn,
  'ticket.refused': t.somebodyWasRefused,
  'ticket.exited': t.somebodyWentOut,
  'ticket.revoked': t.aTicketWasRevoked,
  'scan.conflict': t.aGateDecidedOtherwise,
  'device.blocked': t.aDeviceWasBlocked,
  'device.duplicates': t.aDeviceShowsMany,
  'device.silent': t.aDeviceHasFallen,
  'device.clock_skew': t.theClockOfA,
  'device.refusing': t.aDeviceRefusesFar,
  'gate.surge': t.aGateIsFar,
  'ticket.many_gates': t.oneTicketWasShown,
  'zone.nearly_full': t.aZoneIsNearly,
  'outbox.lagging': t.theLogsDatabaseLags,
  'zone.full': t.aZoneIsFull,
}

/** Whom to tell of what happens, and how that goes. */
export default function WebhooksScreen() {
  const { event, path, home } = useEvent()
  const of = place.value.query.get('of')
  const list = useWhole<Webhook>(`${path}/webhooks`)
  const open = useSignal<{ now: Webhook | null } | null>(null)
  const secret = useSignal<string | null>(null)
  const asked = useSignal<{ webhook: Webhook; what: 'remove' | 'rotate' } | null>(null)
  const test = async ({ id }: Webhook) => {
    const answer = await post<{ delivered: boolean; status: number | null; problem: string | null; tookMs: number }>(
      `${path}/webhooks/${encodeURIComponent(id)}/test`,
    )
    if (!answer.ok) return complain(answer.problem)
    const { delivered, status, problem, tookMs } = answer.value
    if (delivered) say(t.itAnsweredInMs(String(status), Math.round(tookMs)))
    else say(t.itDidNotTake(problem ?? String(status)), 'alarm')
  }
  const add = (
    <AddButton
      onClick={() => {
        open.value = { now: null }
      }}
    >
      {t.addAWebhook}
    </AddButton>
  )
  return (
    <>
      <Heading title={t.webhooks} of={event.title}>
        {add}
      </Heading>
      <p class="dim">{t.yourOwnSystemsAre}</p>
      <Loaded of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="live" title={t.nobodyIsToldYet} />
          ) : (
            <Table
              stacks
              caption={t.webhooks}
              items={items}
              keyOf={({ id }) => id}
              columns={[
                { title: t.name, cell: ({ id }) => id },
                { title: t.address, cell: ({ url }) => <span class="address">{url}</span> },
                { title: t.state, cell: (webhook) => <State webhook={webhook} /> },
                { title: t.waiting, isNumber: true, cell: ({ pending }) => number(pending) },
                { title: t.givenUp, isNumber: true, cell: ({ failed }) => number(failed) },
                {
                  title: t.lastTaken,
                  cell: ({ lastSucceededAt }) => exactMoment(lastSucceededAt, event.timezone),
                },
                {
                  title: t.actions,
                  cell: (webhook) => (
                    <span class="actions">
                      <Link to={`${home}/webhooks?of=${encodeURIComponent(webhook.id)}`} class="button">
                        {t.deliveries}
                      </Link>
                      <button type="button" onClick={() => void test(webhook)}>
                        {t.sendATest}
                      </button>
                      <button
                        type="button"
                        onClick={() => {
                          open.value = { now: webhook }
                        }}
                      >
                        {t.change}
                      </button>
                      <button
                        type="button"
                        onClick={() => {
                          asked.value = { webhook, what: 'rotate' }
                        }}
                      >
                        {t.newSecret}
                      </button>
                      <button
                        type="button"
                        class="danger"
                        aria-label={t.removeThis(webhook.id)}
                        onClick={() => {
                          asked.value = { webhook, what: 'remove' }
                        }}
                      >
                        {t.remove}
                      </button>
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {of && <Deliveries key={of} webhookId={of} reload={() => void list.reload()} />}
      {open.value && (
        <WebhookDialog
          now={open.value.now}
          onDone={(made) => {
            secret.value = made
            void list.reload()
          }}
          onClose={() => {
            open.value = null
          }}
        />
      )}
      {secret.value && (
        <ShownOnce
          title={t.theSecretOfThe}
          secret={secret.value}
          onClose={() => {
            secret.value = null
          }}
        >
          <p>{t.yourReceiverChecksWith}</p>
        </ShownOnce>
      )}
      {asked.value && (
        <AskedDialog
          {...asked.value}
          onDone={(made) => {
            secret.value = made
            void list.reload()
          }}
          onClose={() => {
            asked.value = null
          }}
        />
      )}
    </>
  )
}

function State({ webhook }: { webhook: Webhook }) {
  switch (webhook.state) {
    case 'active':
      return <span class="tag fine">{t.works}</span>
    case 'failing':
      return <span class="tag warn">{t.failsIsTriedAgain}</span>
    case 'disabled':
      return <span class="tag alarm">{webhook.disabledBecause === 'gone' ? t.offGone : t.offFailedForDays}</span>
  }
}

type DialogProps = { now: Webhook | null; onDone: (secret: string | null) => void; onClose: () => void }

function WebhookDialog({ now, onDone, onClose }: DialogProps) {
  const { path } = useEvent()
  const save = async (values: Values): Promise<Problem | null> => {
    const id = now?.id ?? textIn(values, 'id') ?? ' '
    const body = {
      url: textIn(values, 'url') ?? '',
      events: listIn(values, 'events'),
      ...(textIn(values, 'secret') ? { secret: textIn(values, 'secret') } : {}),
    }
    const answer = await put<{ secret?: string }>(`${path}/webhooks/${encodeURIComponent(id)}`, body)
    return settle(answer, (made) => onDone(made.secret ?? null), t.saved)
  }
  return (
    <FormDialog
      title={now ? t.changeThis(now.id) : t.addAWebhook}
      onClose={onClose}
      fields={[
        ...(now
          ? []
          : [{ name: 'id', asked: 'webhookId', label: t.name, kind: 'text' as const, hint: t.yourOwnWordCrm }]),
        { name: 'url', label: t.address, kind: 'text', hint: t.aPublicHttpsAddress },
        {
          name: 'events',
          label: t.tellItWhen,
          kind: 'several',
          options: webhookKinds.map((kind) => ({ value: kind, label: kindWords[kind] })),
        },
        {
          name: 'secret',
          label: t.secret,
          kind: 'secret',
          isOptional: true,
          hint: t.onlyWhereYourReceiver,
        },
      ]}
      initial={{ url: now?.url ?? '', events: now?.events ?? ['ticket.admitted'] }}
      action={t.save}
      submit={save}
    />
  )
}

type AskedProps = {
  webhook: Webhook
  what: 'remove' | 'rotate'
  onDone: (secret: string | null) => void
  onClose: () => void
}

function AskedDialog({ webhook, what, onDone, onClose }: AskedProps) {
  const { path } = useEvent()
  const address = `${path}/webhooks/${encodeURIComponent(webhook.id)}`
  if (what === 'remove') {
    return (
      <Confirm
        title={t.removeThis(webhook.id)}
        action={t.remove}
        isDangerous
        onConfirm={async () => settle(await del(address), () => onDone(null), t.removed)}
        onClose={onClose}
      >
        <p>{t.itIsToldNothing}</p>
      </Confirm>
    )
  }
  const rotate = async () =>
    settle(await post<{ secret?: string }>(`${address}/rotate-secret`), ({ secret }) => onDone(secret ?? null))
  return (
    <Confirm title={t.aNewSecretFor(webhook.id)} action={t.makeANewSecret} onConfirm={rotate} onClose={onClose}>
      <p>{t.messagesAreSignedWith}</p>
    </Confirm>
  )
}

const deliveryStates: Record<Delivery['state'], string> = {
  pending: t.waiting,
  delivered: t.taken,
  failed: t.givenUp,
}

function Deliveries({ webhookId, reload }: { webhookId: string; reload: () => void }) {
  const { path, event } = useEvent()
  const address = `${path}/webhooks/${encodeURIComponent(webhookId)}`
  const { state } = filterNow(['state'])
  const list = useList<Delivery>(withQuery(`${address}/deliveries`, { state }))
  const again = () => {
    void list.reload()
    reload()
  }
  const replay = async ({ id }: Delivery) => {
    const answer = await post(`${address}/deliveries/${id}/replay`)
    if (!answer.ok) return complain(answer.problem)
    say(t.itIsToldAgain)
    again()
  }
  const replayAll = async () => {
    const answer = await post<{ replayed: number }>(`${address}/replay-failed`)
    if (!answer.ok) return complain(answer.problem)
    say(t.areToldAgain(number(answer.value.replayed)))
    again()
  }
  return (
    <section class="group">
      <h2>
        {t.deliveriesTo}
        {webhookId}
      </h2>
      <div class="filters">
        <ChoiceFilter
          name="state"
          label={t.state}
          all={t.everyState}
          options={Object.entries(deliveryStates).map(([value, label]) => ({ value, label }))}
        />
        <button type="button" onClick={again}>
          {t.refresh}
        </button>
        <button type="button" onClick={() => void replayAll()}>
          {t.tellAgainAllThat}
        </button>
      </div>
      <Listing<Delivery>
        list={list}
        caption={t.deliveriesTo2(webhookId)}
        keyOf={({ id }) => id}
        columns={[
          {
            title: t.made,
            cell: ({ createdAt }) => <span class="nowrap">{exactMoment(createdAt, event.timezone)}</span>,
          },
          { title: t.what, cell: ({ type }) => kindWords[type as WebhookKind] ?? type },
          {
            title: t.state,
            cell: (delivery) => (
              <span class={delivery.state === 'failed' ? 'tag alarm' : 'tag'}>{deliveryStates[delivery.state]}</span>
            ),
          },
          { title: t.tries, isNumber: true, cell: ({ attempts }) => attempts },
          { title: t.answer, cell: ({ status, problem }) => [status, problem].filter(Boolean).join(', ') || '–' },
          { title: t.nextTry, cell: ({ nextAttemptAt }) => exactMoment(nextAttemptAt, event.timezone) },
          {
            title: t.actions,
            cell: (delivery) =>
              delivery.state !== 'pending' && (
                <button type="button" onClick={() => void replay(delivery)}>
                  {t.tellAgain}
                </button>
              ),
          },
        ]}
        empty={<Empty icon="clock" title={t.nothingWasToldYet} />}
      />
    </section>
  )
}
