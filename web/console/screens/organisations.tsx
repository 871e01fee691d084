import { useSignal } from '@preact/signals'
import { type Problem, post } from '../api.ts'
import { useList } from '../loading.ts'
import { settle } from '../manage/confirm.tsx'
import { textIn, type Values } from '../manage/form.tsx'
import { FormDialog } from '../manage/form-dialog.tsx'
import { Listing } from '../manage/listing.tsx'
import { ShownOnce } from '../manage/shown-once.tsx'
import { AddButton } from '../parts/add-button.tsx'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty } from '../parts/states.tsx'
import { ownTimezone } from '../times.ts'
import { moment, words } from '../words/language.ts'

type Organisation = { id: string; name: string; createdAt: string }

/** Who holds events on this deployment, for whoever deployed it. */
export default function OrganisationsScreen() {
  const t = words.value.organisations
  const list = useList<Organisation>('/api/organisations')
  const isMaking = useSignal(false)
  const made = useSignal<string | null>(null)
  const make = async (values: Values): Promise<Problem | null> =>
    settle(await post<{ key: string }>('/api/organisations', { name: textIn(values, 'name') ?? '' }), ({ key }) => {
      made.value = key
      void list.reload()
    })
  return (
    <>
      <Heading title={t.title}>
        <AddButton
          onClick={() => {
            isMaking.value = true
          }}
        >
          {t.add}
        </AddButton>
      </Heading>
      <p class="dim">{t.how}</p>
      <Listing<Organisation>
        list={list}
        caption={t.caption}
        keyOf={({ id }) => id}
        columns={[
          { title: t.name, cell: ({ name }) => name },
          { title: t.id, cell: ({ id }) => <code>{id}</code> },
          { title: t.since, cell: ({ createdAt }) => moment(createdAt, ownTimezone) },
          {
            title: t.actions,
            cell: ({ id }) => (
              <span class="actions">
                <Link to={`/organisations/${id}/keys`} class="button">
                  {t.keys}
                </Link>
                <Link to={`/organisations/${id}/members`} class="button">
                  {t.members}
                </Link>
              </span>
            ),
          },
        ]}
        empty={
          <Empty icon="people" title={t.none}>
            <p>{t.noneHow}</p>
          </Empty>
        }
      />
      {isMaking.value && (
        <FormDialog
          title={t.add}
          onClose={() => {
            isMaking.value = false
          }}
          fields={[{ name: 'name', label: t.name, kind: 'text', hint: t.nameHint }]}
          initial={{}}
          action={t.add}
          submit={make}
        />
      )}
      {made.value && (
        <ShownOnce
          title={t.firstKey}
          secret={made.value}
          onClose={() => {
            made.value = null
          }}
        >
          <p>{t.firstKeyHow}</p>
        </ShownOnce>
      )}
    </>
  )
}
