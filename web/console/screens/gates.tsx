import { useSignal } from '@preact/signals'
import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { listIn, textIn } from '../manage/form.tsx'
import { SetupScreen } from '../manage/setup.tsx'
import type { Gate, List, TicketType } from '../manage/things.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Loaded } from '../parts/states.tsx'

const kinds: Record<string, [label: string, hint: string]> = {
  entry: ['Entry', 'people come in here'],
  exit: ['Exit', 'people go out here; nobody is ever refused'],
  both: ['Both ways', 'whoever is inside goes out, everybody else comes in, as at a turnstile'],
  checkpoint: ['Checkpoint', 'visits are counted, as at a stall; entries are not touched'],
}

/** Where people come in and go out. */
export default function GatesScreen() {
  const { event, path } = useEvent()
  const types = useGet<List<TicketType>>(`${path}/ticket-types`)
  const stall = useSignal<Gate | null>(null)
  const zoneName = (id: string) => event.zones.find((zone) => zone.id === id)?.name ?? id
  return (
    <>
      <SetupScreen<Gate>
        what="gates"
        title="Gates"
        one="a gate"
        icon="gate"
        why="A gate is a named way into or out of a zone. Each scanner stands at one."
        idHint="Your own word for it, such as north. It stands in reports and cannot be changed later."
        idAsked="gateId"
        columns={[
          { title: 'Name', cell: ({ name }) => name },
          { title: 'Id', cell: ({ id }) => id },
          { title: 'Kind', cell: ({ kind }) => kinds[kind]?.[0] ?? kind },
          { title: 'Zone', cell: ({ zone }) => zoneName(zone) },
          { title: 'Accepts', cell: ({ accepts }) => accepts?.join(', ') ?? 'Every type' },
        ]}
        fields={[
          { name: 'name', label: 'Name', kind: 'text', hint: 'What stewards and guests call it: “Main Entrance”.' },
          {
            name: 'kind',
            label: 'Kind',
            kind: 'select',
            hint: 'What a scan here means.',
            options: Object.entries(kinds).map(([value, [label, hint]]) => ({ value, label, hint })),
          },
          {
            name: 'zone',
            label: 'Zone',
            kind: 'select',
            hint: 'The place it leads into. Entries are counted for each zone on its own.',
            options: event.zones.map(({ id, name }) => ({ value: id, label: name })),
          },
          {
            name: 'accepts',
            label: 'Ticket types that may use it',
            kind: 'several',
            hint: 'None ticked means every type. Others are sent to the right gate.',
            options: (types.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
          },
        ]}
        valuesOf={(gate) => ({
          name: gate?.name ?? '',
          kind: gate?.kind ?? 'entry',
          zone: gate?.zone ?? event.zones[0]?.id ?? 'main',
          accepts: gate?.accepts ?? [],
        })}
        bodyOf={(values) => {
          const accepts = listIn(values, 'accepts')
          return {
            name: textIn(values, 'name') ?? '',
            kind: values.kind,
            zone: values.zone,
            accepts: accepts.length > 0 ? accepts : null,
          }
        }}
        more={(gate) =>
          gate.kind === 'checkpoint' && (
            <button
              type="button"
              aria-label={`QR code of ${gate.name}`}
              onClick={() => {
                stall.value = gate
              }}
            >
              QR code
            </button>
          )
        }
      />
      {stall.value && (
        <StallDialog
          gate={stall.value}
          onClose={() => {
            stall.value = null
          }}
        />
      )}
    </>
  )
}

function StallDialog({ gate, onClose }: { gate: Gate; onClose: () => void }) {
  const { path } = useEvent()
  const loaded = useGet<{ url: string; qr: string }>(`${path}/gates/${encodeURIComponent(gate.id)}/stall-qr`)
  return (
    <Dialog title={gate.name} onClose={onClose}>
      <p>Hang this out at the stall. Visitors scan it from their ticket’s page, and their visit is counted.</p>
      <Loaded of={loaded}>
        {({ qr }) => <img class="qr" src={qr} alt={`QR code of ${gate.name}`} width="240" height="240" />}
      </Loaded>
    </Dialog>
  )
}
