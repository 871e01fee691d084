import { useSignal } from '@preact/signals'
import { del, put } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { Confirm, settle } from '../manage/confirm.tsx'
import { numberIn, textIn, type Values } from '../manage/form.tsx'
import { FormDialog } from '../manage/form-dialog.tsx'
import { Heading } from '../parts/heading.tsx'
import { Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { moment, number, words } from '../words/language.ts'

const t = words.value.codeFormats

type Format = {
  format: 'hmac-json' | 'jwt'
  externalEventId: string | null
  maxAgeMs: number | null
  secrets: number
  changedAt: string
}

const formatWords: Record<Format['format'], string> = { 'hmac-json': t.hmacSignedJson, jwt: t.jwtHs256 }
const MINUTE_MS = 60_000

/** Codes that somebody else's ticket shop signed. */
export default function CodeFormatsScreen() {
  const { event, path } = useEvent()
  const list = useGet<{ items: Format[] }>(`${path}/code-formats`)
  const open = useSignal<{ format: Format['format']; now: Format | null } | null>(null)
  const asked = useSignal<Format['format'] | null>(null)
  return (
    <>
      <Heading title={t.codeFormats} of={event.title} />
      <p class="dim">{t.ourOwnCodesAlways}</p>
      <Loaded of={list}>
        {({ items }) => (
          <Table
            stacks
            caption={t.codeFormats}
            items={Object.keys(formatWords) as Format['format'][]}
            keyOf={(format) => format}
            columns={[
              { title: t.format, cell: (format) => formatWords[format] },
              {
                title: t.state,
                cell: (format) =>
                  items.some((item) => item.format === format) ? (
                    <span class="tag fine">{t.on}</span>
                  ) : (
                    <span class="tag">{t.off}</span>
                  ),
              },
              { title: t.settings, cell: (format) => settingsOf(items, format, event.timezone) },
              {
                title: t.actions,
                cell: (format) => {
                  const now = items.find((item) => item.format === format) ?? null
                  return (
                    <span class="actions">
                      <button
                        type="button"
                        aria-label={`${now ? t.change : t.switchOn} ${formatWords[format]}`}
                        onClick={() => {
                          open.value = { format, now }
                        }}
                      >
                        {now ? t.change : t.switchOn}
                      </button>
                      {now && (
                        <button
                          type="button"
                          class="danger"
                          aria-label={t.switchOff(formatWords[format])}
                          onClick={() => {
                            asked.value = format
                          }}
                        >
                          {t.switchOff2}
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
          onDone={() => void list.reload()}
          onClose={() => {
            open.value = null
          }}
        />
      )}
      {asked.value && (
        <Confirm
          title={t.switchOff(formatWords[asked.value])}
          action={t.switchOff2}
          isDangerous
          onConfirm={async () =>
            settle(await del(`${path}/code-formats/${asked.peek()}`), () => void list.reload(), t.switchedOff)
          }
          onClose={() => {
            asked.value = null
          }}
        >
          <p>{t.codesOfThisFormat}</p>
        </Confirm>
      )}
    </>
  )
}

function settingsOf(items: Format[], format: Format['format'], timezone: string): string {
  const now = items.find((item) => item.format === format)
  if (!now) return '–'
  return [
    now.externalEventId ? t.eventThis(now.externalEventId) : t.ourEventId,
    now.maxAgeMs === null ? t.goodForEver : t.goodForMinutes(number(now.maxAgeMs / MINUTE_MS)),
    `${now.secrets} ${now.secrets === 1 ? 'secret' : 'secrets'}`,
    t.changedThis(moment(now.changedAt, timezone)),
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
    return settle(await put(`${path}/code-formats/${format}`, body), onDone, t.saved)
  }
  return (
    <FormDialog
      title={formatWords[format]}
      onClose={onClose}
      fields={[
        {
          name: 'secret',
          label: t.secret,
          kind: 'secret',
          hint: t.whatTheShopSigns,
        },
        {
          name: 'secretEncoding',
          label: t.writtenAs,
          kind: 'select',
          options: [
            { value: 'utf8', label: t.text },
            { value: 'base64url', label: t.base64url },
          ],
        },
        {
          name: 'externalEventId',
          label: t.theShopsIdOf,
          kind: 'text',
          isOptional: true,
          hint: t.codesThatNameAnother,
        },
        {
          name: 'maxAge',
          asked: 'maxAgeMs',
          label: t.goodForSoMany,
          kind: 'number',
          isOptional: true,
          hint: t.afterItWasMade,
        },
        ...(now
          ? [
              {
                name: 'keepPrevious',
                label: t.codesSignedWithThe,
                kind: 'check' as const,
                hint: t.whileTheShopChanges,
              },
            ]
          : []),
      ]}
      initial={{
        secretEncoding: 'utf8',
        externalEventId: now?.externalEventId ?? '',
        maxAge: now?.maxAgeMs ? String(now.maxAgeMs / MINUTE_MS) : '',
      }}
      action={now ? t.save : t.switchOn}
      submit={save}
    />
  )
}
