import { useSignal } from '@preact/signals'
import { del, type Problem, post } from '../api.ts'
import { useList } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { Form, instantIn, textIn, type Values } from '../manage/form.tsx'
import { Listing } from '../manage/listing.tsx'
import { ShownOnce } from '../manage/shown-once.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Empty } from '../parts/states.tsx'
import type { ScreenProps } from '../routes.ts'
import { who } from '../session.ts'
import { ownTimezone } from '../times.ts'
import { moment } from '../words/language.ts'

type Key = {
  id: string
  name: string
  role: string
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
}

const roles: Record<string, [label: string, hint: string]> = {
  organiser: ['Organiser', 'everything, keys included'],
  supervisor: ['Supervisor', 'tickets, devices, scans and reports; changes no settings'],
  viewer: ['Viewer', 'statistics and reports, and nobody’s name'],
}

/** The keys that people and systems of the organisation sign in with. */
export default function KeysScreen({ params }: ScreenProps) {
  const path = `/api/organisations/${encodeURIComponent(params.organisationId ?? '')}/keys`
  const list = useList<Key>(path)
  const isMaking = useSignal(false)
  const made = useSignal<string | null>(null)
  const asked = useSignal<Key | null>(null)
  const make = async (values: Values): Promise<Problem | null> => {
    const body = {
      name: textIn(values, 'name') ?? '',
      role: values.role,
      expiresAt: instantIn(values, 'expiresAt', ownTimezone),
    }
    return settle(await post<{ key: string }>(path, body), ({ key }) => {
      isMaking.value = false
      made.value = key
      void list.reload()
    })
  }
  const revoke = async () =>
    settle(await del(`${path}/${asked.peek()?.id}`), () => void list.reload(), 'The key is revoked.')
  return (
    <>
      <Heading title="Keys" of={who.value?.organisation?.name ?? ''}>
        <button
          type="button"
          class="primary"
          onClick={() => {
            isMaking.value = true
          }}
        >
          <Icon name="plus" />
          Make a key
        </button>
      </Heading>
      <p class="dim">
        People sign in here with a key, and systems call the API with one. Give each its own, so that one can be revoked
        without the others. Only a fingerprint of a key is stored.
      </p>
      <Listing<Key>
        list={list}
        caption="Keys"
        keyOf={({ id }) => id}
        columns={[
          { title: 'Name', cell: ({ name }) => name },
          { title: 'Role', cell: ({ role }) => roles[role]?.[0] ?? role },
          { title: 'State', cell: (key) => <State of={key} /> },
          { title: 'Made', cell: ({ createdAt }) => moment(createdAt, ownTimezone) },
          {
            title: 'Good until',
            cell: ({ expiresAt }) => (expiresAt ? moment(expiresAt, ownTimezone) : 'It is revoked'),
          },
          {
            title: 'Actions',
            cell: (key) =>
              key.revokedAt === null && (
                <button
                  type="button"
                  class="danger"
                  aria-label={`Revoke ${key.name}`}
                  onClick={() => {
                    asked.value = key
                  }}
                >
                  Revoke
                </button>
              ),
          },
        ]}
        empty={<Empty icon="key" title="No keys yet" />}
      />
      {isMaking.value && (
        <Dialog
          title="Make a key"
          onClose={() => {
            isMaking.value = false
          }}
        >
          <Form
            fields={[
              { name: 'name', label: 'Name', kind: 'text', hint: 'Whose or what it is for: “Box office”.' },
              {
                name: 'role',
                label: 'Role',
                kind: 'select',
                hint: 'The smallest that does the work.',
                options: Object.entries(roles).map(([value, [label, hint]]) => ({ value, label, hint })),
              },
              {
                name: 'expiresAt',
                label: 'Good until',
                kind: 'instant',
                isOptional: true,
                hint: `Empty: until it is revoked. Clocks of ${ownTimezone}.`,
              },
            ]}
            initial={{ role: 'viewer' }}
            action="Make the key"
            submit={make}
            onCancel={() => {
              isMaking.value = false
            }}
          />
        </Dialog>
      )}
      {made.value && (
        <ShownOnce
          title="The new key"
          secret={made.value}
          onClose={() => {
            made.value = null
          }}
        >
          <p>It is shown now and never again. Give it to whoever it is for on a way that nobody else reads.</p>
        </ShownOnce>
      )}
      {asked.value && (
        <Confirm
          title={`Revoke ${asked.value.name}`}
          action="Revoke"
          isDangerous
          onConfirm={revoke}
          onClose={() => {
            asked.value = null
          }}
        >
          <p>
            Whoever uses this key is signed out at once, and every system that calls with it is refused. If it is the
            one you signed in with, you are signed out too. This cannot be taken back.
          </p>
        </Confirm>
      )}
    </>
  )
}

function State({ of: { revokedAt, expiresAt } }: { of: Key }) {
  if (revokedAt) return <span class="tag">Revoked</span>
  if (expiresAt && Date.parse(expiresAt) <= Date.now()) return <span class="tag warn">Expired</span>
  return <span class="tag fine">Good</span>
}
