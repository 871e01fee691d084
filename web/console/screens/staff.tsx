import { textIn } from '../manage/form.tsx'
import { SetupScreen } from '../manage/setup.tsx'
import type { Staff } from '../manage/things.ts'

const roles: Record<string, [label: string, hint: string]> = {
  scanner: ['Scanner', 'scans, and sees a name, a type and a status'],
  supervisor: ['Supervisor', 'also lets people in in spite of a refusal, finds tickets, takes admissions back'],
}

/** Who works at the doors. */
export default function StaffScreen() {
  return (
    <SetupScreen<Staff>
      what="staff"
      title="Staff"
      one="somebody"
      icon="people"
      why="Who works at the doors. Each scan is logged with whoever made it; a device is enrolled for one of them."
      idHint="A short word such as sam. It stands in reports and cannot be changed later."
      idAsked="staffId"
      columns={[
        { title: 'Name', cell: ({ name }) => name },
        { title: 'Id', cell: ({ id }) => id },
        { title: 'Role', cell: ({ role }) => roles[role]?.[0] ?? role },
        { title: 'E-mail', cell: ({ email }) => email ?? '–' },
      ]}
      fields={[
        { name: 'name', label: 'Name', kind: 'text', hint: 'As it is shown on their scanner and in reports.' },
        {
          name: 'role',
          label: 'Role',
          kind: 'select',
          hint: 'What they may do at the door.',
          options: Object.entries(roles).map(([value, [label, hint]]) => ({ value, label, hint })),
        },
        {
          name: 'email',
          label: 'E-mail',
          kind: 'email',
          isOptional: true,
          hint: 'For you to reach them. Only supervisors and organisers see it.',
        },
      ]}
      valuesOf={(staff) => ({ name: staff?.name ?? '', role: staff?.role ?? 'scanner', email: staff?.email ?? '' })}
      bodyOf={(values) => ({
        name: textIn(values, 'name') ?? '',
        role: values.role,
        email: textIn(values, 'email'),
      })}
    />
  )
}
