import { useSignal } from '@preact/signals'
import { useEvent } from '../event.ts'
import { useGet, useWhole } from '../loading.ts'
import { listIn } from '../manage/form.tsx'
import { SetupScreen } from '../manage/setup.tsx'
import type { Gate, TicketType } from '../manage/things.ts'
import { nameIn } from '../names.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Loaded } from '../parts/states.tsx'
import { words } from '../words/language.ts'

const t = words.value.gates

const kinds: Record<string, [label: string, hint: string]> = {
  entry: [t.entry, t.peopleComeInHere],
  exit: [t.exit, t.peopleGoOutHere],
  both: [t.bothWays, t.whoeverIsInsideGoes],
  checkpoint: [t.checkpoint, t.visitsAreCountedAs],
}

/** Where people come in and go out. */
export default function GatesScreen() {
  const { event, path } = useEvent()
  const types = useWhole<TicketType>(`${path}/ticket-types`)
  const stall = useSignal<Gate | null>(null)
  const typeName = (id: string) => nameIn(types.value?.items, id)
  const zoneName = (id: string) => nameIn(event.zones, id)
  return (
    <>
      <SetupScreen<Gate>
        what="gates"
        title={t.gates}
        one={t.aGate}
        icon="gate"
        why={t.aGateIsA}
        idHint={t.yourOwnWordFor}
        nameHint={t.whatStewardsAndGuests}
        idAsked="gateId"
        columns={[
          { title: t.kind, cell: ({ kind }) => kinds[kind]?.[0] ?? kind },
          { title: t.zone, cell: ({ zone }) => zoneName(zone) },
          { title: t.accepts, cell: ({ accepts }) => accepts?.map(typeName).join(', ') ?? t.everyType },
        ]}
        fields={[
          {
            name: 'kind',
            label: t.kind,
            kind: 'select',
            hint: t.whatAScanHere,
            options: Object.entries(kinds).map(([value, [label, hint]]) => ({ value, label, hint })),
          },
          {
            name: 'zone',
            label: t.zone,
            kind: 'select',
            hint: t.thePlaceItLeads,
            options: event.zones.map(({ id, name }) => ({ value: id, label: name })),
          },
          {
            name: 'accepts',
            label: t.ticketTypesThatMay,
            kind: 'several',
            hint: t.noneTickedMeansEvery,
            options: (types.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
          },
        ]}
        valuesOf={(gate) => ({
          kind: gate?.kind ?? 'entry',
          zone: gate?.zone ?? event.zones[0]?.id ?? 'main',
          accepts: gate?.accepts ?? [],
        })}
        bodyOf={(values) => {
          const accepts = listIn(values, 'accepts')
          return {
            kind: values.kind,
            zone: values.zone,
            accepts: accepts.length > 0 ? accepts : null,
          }
        }}
        more={(gate) =>
          gate.kind === 'checkpoint' && (
            <button
              type="button"
              aria-label={t.qrCodeOf(gate.name)}
              onClick={() => {
                stall.value = gate
              }}
            >
              {t.qrCode}
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
      <p>{t.hangThisOutAt}</p>
      <Loaded of={loaded}>
        {({ qr }) => <img class="qr" src={qr} alt={t.qrCodeOf(gate.name)} width="240" height="240" />}
      </Loaded>
    </Dialog>
  )
}
