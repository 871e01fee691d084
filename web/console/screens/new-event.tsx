import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { type Problem, post } from '../api.ts'
import { useList } from '../loading.ts'
import { Choices, Field, issueOf } from '../parts/field.tsx'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { complain, say } from '../parts/toast.tsx'
import { go } from '../router.ts'
import { who } from '../session.ts'
import type { EventDetails } from '../things.ts'
import { instantAt, localAt, ownTimezone, timezonesByRegion } from '../times.ts'
import { words } from '../words/language.ts'

type Form = {
  title: string
  organisationId: string
  starts: string
  ends: string
  timezone: string
  location: string
  capacity: string
  reentry: 'none' | 'after_exit' | 'unlimited'
  offline: 'admit' | 'strict' | 'never'
  full: 'stop' | 'warn'
}

type Errors = Partial<Record<keyof Form, string>>

/** Makes an event. What can be said of it later, in its settings, is not asked for here. */
export default function NewEventScreen() {
  const t = words.value.newEvent
  const form = useSignal<Form>(useMemo(firstForm, []))
  const errors = useSignal<Errors>({})
  const problem = useSignal<Problem | null>(null)
  const isWorking = useSignal(false)
  const set = (changes: Partial<Form>) => {
    form.value = { ...form.value, ...changes }
  }
  const errorOf = (field: keyof Form, asked: string) => errors.value[field] ?? issueOf(problem.value, asked)

  const submit = async (event: Event) => {
    event.preventDefault()
    if (isWorking.value) return
    problem.value = null
    errors.value = errorsIn(form.value)
    if (Object.keys(errors.value).length > 0) return focusFirstError()
    isWorking.value = true
    const answer = await post<{ event: EventDetails }>('/api/events', bodyOf(form.value))
    isWorking.value = false
    if (answer.ok) {
      say(t.made)
      return go(`/events/${answer.value.event.id}`)
    }
    problem.value = answer.problem
    if (answer.problem.issues.length === 0) complain(answer.problem)
    focusFirstError()
  }

  const text = (field: 'title' | 'location' | 'capacity') => ({
    value: form.value[field],
    onInput: (event: { currentTarget: HTMLInputElement }) => set({ [field]: event.currentTarget.value }),
  })
  const time = (field: 'starts' | 'ends') => ({
    type: 'datetime-local' as const,
    value: form.value[field],
    onInput: (event: { currentTarget: HTMLInputElement }) => set({ [field]: event.currentTarget.value }),
  })

  return (
    <>
      <Heading title={t.title} />
      <form class="form" onSubmit={(event) => void submit(event)} noValidate>
        <Field label={t.name} error={errorOf('title', 'title')}>
          {(props) => <input {...props} {...text('title')} required maxLength={200} autocomplete="off" />}
        </Field>
        {who.value?.role === 'admin' && (
          <Field label={t.organisation} hint={t.organisationHint} error={errorOf('organisationId', 'organisationId')}>
            {(props) => (
              <OrganisationChoice
                props={props}
                value={form.value.organisationId}
                onChoose={(organisationId) => set({ organisationId })}
              />
            )}
          </Field>
        )}
        <div class="pair">
          <Field label={t.starts} error={errorOf('starts', 'startsAt')}>
            {(props) => <input {...props} {...time('starts')} required />}
          </Field>
          <Field label={t.ends} error={errorOf('ends', 'endsAt')}>
            {(props) => <input {...props} {...time('ends')} required />}
          </Field>
        </div>
        <Field label={t.timezone} hint={t.timezoneHint} error={errorOf('timezone', 'timezone')}>
          {(props) => (
            <select
              {...props}
              value={form.value.timezone}
              onChange={(event) => set({ timezone: event.currentTarget.value })}
            >
              {timezonesByRegion().map(([region, zones]) => (
                <optgroup key={region} label={region}>
                  {zones.map((zone) => (
                    <option key={zone} value={zone}>
                      {zone.replaceAll('_', ' ')}
                    </option>
                  ))}
                </optgroup>
              ))}
            </select>
          )}
        </Field>
        <div class="pair">
          <Field label={t.location} isOptional error={errorOf('location', 'location')}>
            {(props) => <input {...props} {...text('location')} maxLength={300} autocomplete="off" />}
          </Field>
          <Field label={t.capacity} isOptional hint={t.capacityHint} error={errorOf('capacity', 'capacity')}>
            {(props) => <input {...props} {...text('capacity')} inputMode="numeric" autocomplete="off" />}
          </Field>
        </div>
        <Choices
          legend={t.reentry}
          value={form.value.reentry}
          choices={(['none', 'after_exit', 'unlimited'] as const).map((value) => ({
            value,
            label: t.reentries[value],
          }))}
          onChoose={(reentry) => set({ reentry })}
        />
        <Choices
          legend={t.offline}
          value={form.value.offline}
          choices={(['admit', 'strict', 'never'] as const).map((value) => explained(value, t.offlines[value]))}
          onChoose={(offline) => set({ offline })}
        />
        <Choices
          legend={t.full}
          value={form.value.full}
          choices={(['stop', 'warn'] as const).map((value) => explained(value, t.fulls[value]))}
          onChoose={(full) => set({ full })}
        />
        <div class="actions">
          <button type="submit" class="primary" disabled={isWorking.value}>
            {isWorking.value ? t.working : t.submit}
          </button>
          <Link to="/" class="button plain">
            {words.value.common.cancel}
          </Link>
        </div>
      </form>
    </>
  )
}

type ChoiceProps = { props: object; value: string; onChoose: (id: string) => void }

/** Whoever deployed makes events for any organisation. */
function OrganisationChoice({ props, value, onChoose }: ChoiceProps) {
  const list = useList<{ id: string; name: string }>('/api/organisations', 200)
  useEffect(() => {
    if (list.hasMore) void list.more()
  }, [list.items?.length])
  return (
    <select {...props} value={value} required onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
      <option value="">{words.value.newEvent.noOrganisation}</option>
      {(list.items ?? []).map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  )
}

function explained<T extends string>(value: T, [label, hint]: string[]) {
  return { value, label: label ?? value, hint }
}

/** A week from now, in the evening, where whoever makes it is. */
function firstForm(): Form {
  const day = localAt(Date.now() + 7 * 86_400_000, ownTimezone).slice(0, 10)
  return {
    title: '',
    organisationId: '',
    starts: `${day}T18:00`,
    ends: `${day}T23:00`,
    timezone: ownTimezone,
    location: '',
    capacity: '',
    reentry: 'none',
    offline: 'admit',
    full: 'stop',
  }
}

function errorsIn(form: Form): Errors {
  const t = words.value.newEvent
  const [starts, ends] = [instantAt(form.starts, form.timezone), instantAt(form.ends, form.timezone)]
  return {
    ...(form.title.trim() ? {} : { title: t.required }),
    ...(who.value?.role !== 'admin' || form.organisationId.trim() ? {} : { organisationId: t.required }),
    ...(starts ? {} : { starts: t.badTime }),
    ...(ends ? (starts && ends <= starts ? { ends: t.endBeforeStart } : {}) : { ends: t.badTime }),
    ...(/^\s*(0*[1-9]\d*)?\s*$/.test(form.capacity) ? {} : { capacity: t.badCapacity }),
  }
}

function bodyOf(form: Form): object {
  const { title, organisationId, starts, ends, timezone, location, capacity, reentry, offline, full } = form
  return {
    title: title.trim(),
    ...(organisationId.trim() ? { organisationId: organisationId.trim() } : {}),
    startsAt: instantAt(starts, timezone),
    endsAt: instantAt(ends, timezone),
    timezone,
    ...(location.trim() ? { location: location.trim() } : {}),
    ...(capacity.trim() ? { capacity: Number(capacity) } : {}),
    policy: { offline, full },
    ...(reentry === 'none' ? {} : { zones: [{ id: 'main', name: 'Main', reentry }] }),
  }
}

/** After the fields have been marked. */
function focusFirstError(): void {
  setTimeout(() => document.querySelector<HTMLElement>('[aria-invalid]')?.focus())
}
