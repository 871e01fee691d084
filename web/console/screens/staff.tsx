import { textIn } from '../manage/form.tsx'
import { SetupScreen } from '../manage/setup.tsx'
import type { Staff } from '../manage/things.ts'
import { words } from '../words/language.ts'

const t = words.value.staff

const roles: Record<string, [label: string, hint: string]> = {
  scanner: [t.scanner, t.scansAndSeesA],
  supervisor: [t.supervisor, t.alsoLetsPeopleIn],
}

/** Who works at the doors. */
export default function StaffScreen() {
  return (
    <SetupScreen<Staff>
      what="staff"
      title={t.staff}
      one="somebody"
      icon="people"
      why={t.whoWorksAtThe}
      idHint={t.aShortWordSuch}
      nameHint={t.asItIsShown}
      idAsked="staffId"
      columns={[
        { title: t.role, cell: ({ role }) => roles[role]?.[0] ?? role },
        { title: t.eMail, cell: ({ email }) => email ?? '–' },
      ]}
      fields={[
        {
          name: 'role',
          label: t.role,
          kind: 'select',
          hint: t.whatTheyMayDo,
          options: Object.entries(roles).map(([value, [label, hint]]) => ({ value, label, hint })),
        },
        {
          name: 'email',
          label: t.eMail,
          kind: 'email',
          isOptional: true,
          hint: t.forYouToReach,
        },
      ]}
      valuesOf={(staff) => ({ role: staff?.role ?? 'scanner', email: staff?.email ?? '' })}
      bodyOf={(values) => ({
        role: values.role,
        email: textIn(values, 'email'),
      })}
    />
  )
}
