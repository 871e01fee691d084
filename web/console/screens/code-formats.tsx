import { useSignal } from '@preact/signals'
import { del, put } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { Form, numberIn, textIn, type Values } from '../manage/form.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { moment, number } from '../words/language.ts'

type Format = {
  format: 'hmac-json' | 'jwt'
  externalEventId: string | null
  maxAgeMs: number | null
  secrets: number
  changedAt: string
}

const formatWords: Record<Format['format'], string> = { 'hmac-json': 'HMAC-signed JSON', jwt: 'JWT (HS256)' }
const MINUTE_MS = 60_000

/** Codes that somebody else's ticket shop signed. */
export default function CodeFormatsScreen() {
  const { event, path } = useEvent()
  const list = useGet<{ items: Format[] }>(`${path}/code-formats`)
  const open = useSignal<{ format: Format['format']; now: Format | null } | null>(null)
  const asked = useSignal<Format['format'] | null>(null)
  return (
    <>
      <Heading title="Code formats" of={event.title} />
      <p class="dim">
        Our own codes always open. Where your ticket shop signs codes of its own, switch its format on with the secret
        that it signs with; the tickets have to be known here, by import or by API.
      </p>
      <Loaded of={list}>
        {({ items }) => (
          <Table
            stacks
            caption="Code formats"
            items={Object.keys(formatWords) as Format['format'][]}
            keyOf={(format) => format}
            columns={[
              { title: 'Format', cell: (format) => formatWords[format] },
              {
                title: 'State',
                cell: (format) =>
                  items.some((item) => item.format === format) ? (
                    <span class="tag fine">On</span>
                  ) : (
                    <span class="tag">Off</span>
                  ),
              },
              { title: 'Settings', cell: (format) => settingsOf(items, format, event.timezone) },
              {
                title: 'Actions',
                cell: (format) => {
                  const now = items.find((item) => item.format === format) ?? null
                  return (
                    <span class="actions">
                      <button
                        type="button"
                        aria-label={`${now ? 'Change' : 'Switch on'} ${formatWords[format]}`}
                        onClick={() => {
                          open.value = { format, now }
                        }}
                      >
                        {now ? 'Change' : 'Switch on'}
                      </button>
                      {now && (
                        <button
                          type="button"
                          class="danger"
                          aria-label={`Switch off ${formatWords[format]}`}
                          onClick={() => {
                            asked.value = format
                          }}
                        >
                          Switch off
                        </button>
                      )}
                    </span>
                  )
                },
              },
            ]}
          />
        )}
      </Loaded>
      {open.value && (
        <FormatDialog
          {...open.value}
          onDone={() => {
            open.value = null
            void list.reload()
          }}
          onClose={() => {
            open.value = null
          }}
        />
      )}
      {asked.value && (
        <Confirm
          title={`Switch off ${formatWords[asked.value]}`}
          action="Switch off"
          isDangerous
          onConfirm={async () =>
            settle(await del(`${path}/code-formats/${asked.peek()}`), () => void list.reload(), 'Switched off')
          }
          onClose={() => {
            asked.value = null
          }}
        >
          <p>Codes of this format are refused from the very next scan, and the secret is forgotten.</p>
        </Confirm>
      )}
    </>
  )
}

function settingsOf(items: Format[], format: Format['format'], timezone: string): string {
  const now = items.find((item) => item.format === format)
  if (!now) return '–'
  return [
    now.externalEventId ? `event ${now.externalEventId}` : 'our event id',
    now.maxAgeMs === null ? 'good for ever' : `good for ${number(now.maxAgeMs / MINUTE_MS)} minutes`,
    `${now.secrets} ${now.secrets === 1 ? 'secret' : 'secrets'}`,
    `changed ${moment(now.changedAt, timezone)}`,
  ].join(', ')
}

type FormatDialogProps = {
  format: Format['format']
  now: Format | null
  onDone: () => void
  onClose: () => void
}

function FormatDialog({ format, now, onDone, onClose }: FormatDialogProps) {
  const { path } = useEvent()
  const save = async (values: Values) => {
    const minutes = numberIn(values, 'maxAge')
    const body = {
      secret: typeof values.secret === 'string' ? values.secret : '',
      secretEncoding: values.secretEncoding,
      externalEventId: textIn(values, 'externalEventId'),
      maxAgeMs: typeof minutes === 'number' ? Math.round(minutes * MINUTE_MS) : minutes,
      keepPrevious: values.keepPrevious === true,
    }
    return settle(await put(`${path}/code-formats/${format}`, body), onDone, 'Saved')
  }
  return (
    <Dialog title={formatWords[format]} onClose={onClose}>
      <Form
        fields={[
          {
            name: 'secret',
            label: 'Secret',
            kind: 'secret',
            hint: 'What the shop signs with: at least 32 bytes, of its own for this. It is kept sealed and never shown again.',
          },
          {
            name: 'secretEncoding',
            label: 'Written as',
            kind: 'select',
            options: [
              { value: 'utf8', label: 'Text' },
              { value: 'base64url', label: 'Base64url' },
            ],
          },
          {
            name: 'externalEventId',
            label: 'The shop’s id of this event',
            kind: 'text',
            isOptional: true,
            hint: 'Codes that name another event are refused. Empty: they have to name our id.',
          },
          {
            name: 'maxAge',
            asked: 'maxAgeMs',
            label: 'Good for so many minutes',
            kind: 'number',
            isOptional: true,
            hint: 'After it was made. Leave it empty for codes on paper or in e-mails.',
          },
          ...(now
            ? [
                {
                  name: 'keepPrevious',
                  label: 'Codes signed with the secret before stay good',
                  kind: 'check' as const,
                  hint: 'While the shop changes over.',
                },
              ]
            : []),
        ]}
        initial={{
          secretEncoding: 'utf8',
          externalEventId: now?.externalEventId ?? '',
          maxAge: now?.maxAgeMs ? String(now.maxAgeMs / MINUTE_MS) : '',
        }}
        action={now ? 'Save' : 'Switch on'}
        submit={save}
        onCancel={onClose}
      />
    </Dialog>
  )
}
