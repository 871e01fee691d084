import { useSignal } from '@preact/signals'
import { del, type Problem, post } from '../api.ts'
import { useList } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { instantIn, textIn, type Values } from '../manage/form.tsx'
import { FormDialog } from '../manage/form-dialog.tsx'
import { Listing } from '../manage/listing.tsx'
import { roleOptions } from '../manage/roles.ts'
import { ShownOnce } from '../manage/shown-once.tsx'
import { AddButton } from '../parts/add-button.tsx'
import { Heading } from '../parts/heading.tsx'
import { Empty } from '../parts/states.tsx'
import type { ScreenProps } from '../routes.ts'
import { who } from '../session.ts'
import { ownTimezone } from '../times.ts'
import { moment, words } from '../words/language.ts'

const t = words.value.keys

type Key = {
  id: string
  name: string
  role: string
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
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
      made.value = key
      void list.reload()
    })
  }
  const revoke = async () =>
    settle(await del(`${path}/${asked.peek()?.id}`), () => void list.reload(), t.theKeyIsRevoked)
  return (
    <>
      <Heading title={t.keys} of={who.value?.organisation?.name ?? ''}>
        <AddButton
          onClick={() => {
            isMaking.value = true
          }}
        >
          {t.makeAKey}
        </AddButton>
      </Heading>
      <p class="dim">{t.peopleSignInHere}</p>
      <Listing<Key>
        list={list}
        caption={t.keys}
        keyOf={({ id }) => id}
        columns={[
          { title: t.name, cell: ({ name }) => name },
          { title: t.role, cell: ({ role }) => words.value.roles[role]?.[0] ?? role },
          { title: t.state, cell: (key) => <State of={key} /> },
          { title: t.made, cell: ({ createdAt }) => moment(createdAt, ownTimezone) },
          {
            title: t.goodUntil,
            cell: ({ expiresAt }) => (expiresAt ? moment(expiresAt, ownTimezone) : t.itIsRevoked),
          },
          {
            title: t.actions,
            cell: (key) =>
              key.revokedAt === null && (
                <button
                  type="button"
                  class="danger"
                  aria-label={t.revokeThis(key.name)}
                  onClick={() => {
                    asked.value = key
                  }}
                >
                  {t.revoke}
                </button>
              ),
          },
        ]}
        empty={<Empty icon="key" title={t.noKeysYet} />}
      />
      {isMaking.value && (
        <FormDialog
          title={t.makeAKey}
          onClose={() => {
            isMaking.value = false
          }}
          fields={[
            { name: 'name', label: t.name, kind: 'text', hint: t.whoseOrWhatIt },
            {
              name: 'role',
              label: t.role,
              kind: 'select',
              hint: t.theSmallestThatDoes,
              options: roleOptions(),
            },
            {
              name: 'expiresAt',
              label: t.goodUntil,
              kind: 'instant',
              isOptional: true,
              hint: t.emptyUntilItIs(ownTimezone),
            },
          ]}
          initial={{ role: 'viewer' }}
          action={t.makeTheKey}
          submit={make}
        />
      )}
      {made.value && (
        <ShownOnce
          title={t.theNewKey}
          secret={made.value}
          onClose={() => {
            made.value = null
          }}
        >
          <p>{t.itIsShownNow}</p>
        </ShownOnce>
      )}
      {asked.value && (
        <Confirm
          title={t.revokeThis(asked.value.name)}
          action={t.revoke}
          isDangerous
          onConfirm={revoke}
          onClose={() => {
            asked.value = null
          }}
        >
          <p>{t.whoeverUsesThisKey}</p>
        </Confirm>
      )}
    </>
  )
}

function State({ of: { revokedAt, expiresAt } }: { of: Key }) {
  if (revokedAt) return <span class="tag">{t.revoked}</span>
  if (expiresAt && Date.parse(expiresAt) <= Date.now()) return <span class="tag warn">{t.expired}</span>
  return <span class="tag fine">{t.good}</span>
}
