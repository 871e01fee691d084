import { useSignal } from '@preact/signals'
import { del, type Problem, post } from '../api.ts'
import { useList } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { textIn, type Values } from '../manage/form.tsx'
import { FormDialog } from '../manage/form-dialog.tsx'
import { Listing } from '../manage/listing.tsx'
import { roleOptions } from '../manage/roles.ts'
import { AddButton } from '../parts/add-button.tsx'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'
import type { ScreenProps } from '../routes.ts'
import { who } from '../session.ts'
import { ownTimezone } from '../times.ts'
import { moment, words } from '../words/language.ts'

type Member = { id: string; email: string; role: string; createdAt: string }

/** Who may sign in through Cloudflare Access. */
export default function MembersScreen({ params }: ScreenProps) {
  const t = words.value.members
  const home = `/organisations/${encodeURIComponent(params.organisationId ?? '')}`
  const path = `/api${home}/members`
  const list = useList<Member>(path)
  const isAdding = useSignal(false)
  const asked = useSignal<Member | null>(null)
  const add = async (values: Values): Promise<Problem | null> =>
    settle(
      await post(path, { email: textIn(values, 'email') ?? '', role: values.role }),
      () => void list.reload(),
      t.added,
    )
  const remove = async () => settle(await del(`${path}/${asked.peek()?.id}`), () => void list.reload(), t.removed)
  return (
    <>
      <Heading title={t.title} of={who.value?.organisation?.name ?? ''}>
        <Link to={`${home}/keys`} class="button">
          <Icon name="key" />
          {t.toKeys}
        </Link>
        <Link to={`${home}/audit`} class="button">
          <Icon name="clock" />
          {t.audit}
        </Link>
        <AddButton
          onClick={() => {
            isAdding.value = true
          }}
        >
          {t.add}
        </AddButton>
      </Heading>
      <p class="dim">{t.how}</p>
      <Listing<Member>
        list={list}
        caption={t.caption}
        keyOf={({ id }) => id}
        columns={[
          { title: t.email, cell: ({ email }) => email },
          { title: t.role, cell: ({ role }) => words.value.roles[role]?.[0] ?? role },
          { title: t.since, cell: ({ createdAt }) => moment(createdAt, ownTimezone) },
          {
            title: t.actions,
            cell: (member) => (
              <button
                type="button"
                class="danger"
                aria-label={t.removeTitle(member.email)}
                onClick={() => {
                  asked.value = member
                }}
              >
                {t.remove}
              </button>
            ),
          },
        ]}
        empty={
          <Empty icon="people" title={t.none}>
            <p>{t.noneHow}</p>
          </Empty>
        }
      />
      {isAdding.value && (
        <FormDialog
          title={t.add}
          onClose={() => {
            isAdding.value = false
          }}
          fields={[
            { name: 'email', label: t.email, kind: 'email', hint: t.emailHint },
            { name: 'role', label: t.role, kind: 'select', hint: t.roleHint, options: roleOptions() },
          ]}
          initial={{ role: 'viewer' }}
          action={t.add}
          submit={add}
        />
      )}
      {asked.value && (
        <Confirm
          title={t.removeTitle(asked.value.email)}
          action={t.remove}
          isDangerous
          onConfirm={remove}
          onClose={() => {
            asked.value = null
          }}
        >
          <p>{t.removeHow}</p>
        </Confirm>
      )}
    </>
  )
}
