import { useSignal } from '@preact/signals'
import { type WebhookKind, webhookKinds } from '../../../core/webhooks.ts'
import { del, type Problem, post, put, withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet, useList } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { Form, listIn, textIn, type Values } from '../manage/form.tsx'
import { Listing } from '../manage/listing.tsx'
import { exactMoment } from '../manage/moments.ts'
import { ShownOnce } from '../manage/shown-once.tsx'
import type { List } from '../manage/things.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { complain, say } from '../parts/toast.tsx'
import { place } from '../router.ts'
import { number } from '../words/language.ts'

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
  'ticket.admitted': 'Somebody came in',
  'ticket.refused': 'Somebody was refused',
  'ticket.exited': 'Somebody went out',
  'ticket.revoked': 'A ticket was revoked',
  'scan.conflict': 'A gate decided otherwise without network',
  'device.blocked': 'A device was blocked',
  'device.duplicates': 'A device shows many tickets that were used before',
  'device.silent': 'A device has fallen silent',
  'device.clock_skew': 'The clock of a device is wrong',
  'device.refusing': 'A device refuses far more than its neighbours',
  'gate.surge': 'A gate is far above its own rate',
  'ticket.many_gates': 'One ticket was shown at many gates',
  'zone.nearly_full': 'A zone is nearly full',
  'outbox.lagging': 'The log’s database lags behind',
  'zone.full': 'A zone is full',
}

/** Whom to tell of what happens, and how that goes. */
export default function WebhooksScreen() {
  const { event, path, home } = useEvent()
  const of = place.value.query.get('of')
  const list = useGet<List<Webhook>>(`${path}/webhooks`)
  const open = useSignal<{ now: Webhook | null } | null>(null)
  const secret = useSignal<string | null>(null)
  const asked = useSignal<{ webhook: Webhook; what: 'remove' | 'rotate' } | null>(null)
  const test = async ({ id }: Webhook) => {
    const answer = await post<{ delivered: boolean; status: number | null; problem: string | null; tookMs: number }>(
      `${path}/webhooks/${encodeURIComponent(id)}/test`,
    )
    if (!answer.ok) return complain(answer.problem)
    const { delivered, status, problem, tookMs } = answer.value
    if (delivered) say(`It answered ${status} in ${Math.round(tookMs)} ms.`)
    else say(`It did not take the message: ${problem ?? status}`, 'alarm')
  }
  const add = (
    <button
      type="button"
      class="primary"
      onClick={() => {
        open.value = { now: null }
      }}
    >
      <Icon name="plus" />
      Add a webhook
    </button>
  )
  return (
    <>
      <Heading title="Webhooks" of={event.title}>
        {add}
      </Heading>
      <p class="dim">
        Your own systems are told of what happens at the doors, signed after the Standard Webhooks specification. What
        cannot be delivered is tried again for three days, and never holds up a scan.
      </p>
      <Loaded of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="live" title="Nobody is told yet" />
          ) : (
            <Table
              stacks
              caption="Webhooks"
              items={items}
              keyOf={({ id }) => id}
              columns={[
                { title: 'Name', cell: ({ id }) => id },
                { title: 'Address', cell: ({ url }) => <span class="address">{url}</span> },
                { title: 'State', cell: (webhook) => <State webhook={webhook} /> },
                { title: 'Waiting', isNumber: true, cell: ({ pending }) => number(pending) },
                { title: 'Given up', isNumber: true, cell: ({ failed }) => number(failed) },
                {
                  title: 'Last taken',
                  cell: ({ lastSucceededAt }) => exactMoment(lastSucceededAt, event.timezone),
                },
                {
                  title: 'Actions',
                  cell: (webhook) => (
                    <span class="actions">
                      <Link to={`${home}/webhooks?of=${encodeURIComponent(webhook.id)}`} class="button">
                        Deliveries
                      </Link>
                      <button type="button" onClick={() => void test(webhook)}>
                        Send a test
                      </button>
                      <button
                        type="button"
                        onClick={() => {
                          open.value = { now: webhook }
                        }}
                      >
                        Change
                      </button>
                      <button
                        type="button"
                        onClick={() => {
                          asked.value = { webhook, what: 'rotate' }
                        }}
                      >
                        New secret
                      </button>
                      <button
                        type="button"
                        class="danger"
                        aria-label={`Remove ${webhook.id}`}
                        onClick={() => {
                          asked.value = { webhook, what: 'remove' }
                        }}
                      >
                        Remove
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
            open.value = null
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
          title="The secret of the webhook"
          secret={secret.value}
          onClose={() => {
            secret.value = null
          }}
        >
          <p>Your receiver checks with it that a message is ours. It is shown now and never again.</p>
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
      return <span class="tag fine">Works</span>
    case 'failing':
      return <span class="tag warn">Fails, is tried again</span>
    case 'disabled':
      return <span class="tag alarm">{webhook.disabledBecause === 'gone' ? 'Off: gone' : 'Off: failed for days'}</span>
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
    return settle(answer, (made) => onDone(made.secret ?? null), 'Saved')
  }
  return (
    <Dialog title={now ? `Change ${now.id}` : 'Add a webhook'} onClose={onClose}>
      <Form
        fields={[
          ...(now
            ? []
            : [{ name: 'id', asked: 'webhookId', label: 'Name', kind: 'text' as const, hint: 'Your own word: crm.' }]),
          { name: 'url', label: 'Address', kind: 'text', hint: 'A public https address that takes POST requests.' },
          {
            name: 'events',
            label: 'Tell it when',
            kind: 'several',
            options: webhookKinds.map((kind) => ({ value: kind, label: kindWords[kind] })),
          },
          {
            name: 'secret',
            label: 'Secret',
            kind: 'secret',
            isOptional: true,
            hint: 'Only where your receiver has one already (whsec_…). Otherwise one is made and shown once.',
          },
        ]}
        initial={{ url: now?.url ?? '', events: now?.events ?? ['ticket.admitted'] }}
        action="Save"
        submit={save}
        onCancel={onClose}
      />
    </Dialog>
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
        title={`Remove ${webhook.id}`}
        action="Remove"
        isDangerous
        onConfirm={async () => settle(await del(address), () => onDone(null), 'Removed')}
        onClose={onClose}
      >
        <p>It is told nothing more, and the list of its deliveries is gone.</p>
      </Confirm>
    )
  }
  const rotate = async () =>
    settle(await post<{ secret?: string }>(`${address}/rotate-secret`), ({ secret }) => onDone(secret ?? null))
  return (
    <Confirm title={`A new secret for ${webhook.id}`} action="Make a new secret" onConfirm={rotate} onClose={onClose}>
      <p>Messages are signed with the new secret at once. For a day the old one signs them too.</p>
    </Confirm>
  )
}

const deliveryStates: Record<Delivery['state'], string> = {
  pending: 'Waiting',
  delivered: 'Taken',
  failed: 'Given up',
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
    say('It is told again.')
    again()
  }
  const replayAll = async () => {
    const answer = await post<{ replayed: number }>(`${address}/replay-failed`)
    if (!answer.ok) return complain(answer.problem)
    say(`${number(answer.value.replayed)} are told again.`)
    again()
  }
  return (
    <section class="group">
      <h2>Deliveries to {webhookId}</h2>
      <div class="filters">
        <ChoiceFilter
          name="state"
          label="State"
          all="Every state"
          options={Object.entries(deliveryStates).map(([value, label]) => ({ value, label }))}
        />
        <button type="button" onClick={again}>
          Refresh
        </button>
        <button type="button" onClick={() => void replayAll()}>
          Tell again all that was given up
        </button>
      </div>
      <Listing<Delivery>
        list={list}
        caption={`Deliveries to ${webhookId}`}
        keyOf={({ id }) => id}
        columns={[
          {
            title: 'Made',
            cell: ({ createdAt }) => <span class="nowrap">{exactMoment(createdAt, event.timezone)}</span>,
          },
          { title: 'What', cell: ({ type }) => kindWords[type as WebhookKind] ?? type },
          {
            title: 'State',
            cell: (delivery) => (
              <span class={delivery.state === 'failed' ? 'tag alarm' : 'tag'}>{deliveryStates[delivery.state]}</span>
            ),
          },
          { title: 'Tries', isNumber: true, cell: ({ attempts }) => attempts },
          { title: 'Answer', cell: ({ status, problem }) => [status, problem].filter(Boolean).join(', ') || '–' },
          { title: 'Next try', cell: ({ nextAttemptAt }) => exactMoment(nextAttemptAt, event.timezone) },
          {
            title: 'Actions',
            cell: (delivery) =>
              delivery.state !== 'pending' && (
                <button type="button" onClick={() => void replay(delivery)}>
                  Tell again
                </button>
              ),
          },
        ]}
        empty={<Empty icon="clock" title="Nothing was told yet" />}
      />
    </section>
  )
}
