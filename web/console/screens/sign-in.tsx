import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Field } from '../parts/field.tsx'
import { sayProblem } from '../parts/states.tsx'
import { session, signIn, signInByAccess, signOut, who } from '../session.ts'
import { words } from '../words/language.ts'

/** Before anything else. The address stays as it is, so that one arrives where one was going. */
export function SignIn() {
  const t = words.value
  const now = session.value
  useEffect(() => {
    document.title = `${t.signIn.title} · ${t.name}`
  }, [t])
  return (
    <main class="alone">
      <div class="sign-in">
        <img src="/icons/logo.svg" alt="" width="64" height="64" />
        <h1>{t.name}</h1>
        {now.state === 'none' && now.isStranger && <p class="notice">{t.signIn.notAMember}</p>}
        <p class="dim">{t.signIn.how}</p>
        <KeyForm />
        <p class="hint">{t.signIn.kept}</p>
      </div>
    </main>
  )
}

/** Over what somebody was at when their session ended, which is still there when they are back. */
export function SignInAgain() {
  const t = words.value.signIn
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = element.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  const giveUp = async () => {
    await signOut()
    session.value = { state: 'none' }
  }
  return (
    <dialog ref={element} aria-label={t.expired} onCancel={(event) => event.preventDefault()}>
      <h2>{t.expired}</h2>
      <p class="dim">{t.expiredHow}</p>
      {who.value?.member ? <AccessAgain /> : <KeyForm />}
      <button type="button" class="plain wide" onClick={() => void giveUp()}>
        {t.out}
      </button>
    </dialog>
  )
}

/** Access still knows them, or asks them anew once the page is fetched again. */
function AccessAgain() {
  const isWorking = useSignal(false)
  const again = async () => {
    isWorking.value = true
    const answer = await signInByAccess(who.peek()?.organisation?.id)
    if (!answer.ok) location.reload()
  }
  return (
    <button type="button" class="primary wide" disabled={isWorking.value} onClick={() => void again()}>
      {words.value.signIn.again}
    </button>
  )
}

function KeyForm() {
  const t = words.value.signIn
  const key = useSignal('')
  const problem = useSignal<string | null>(null)
  const isWorking = useSignal(false)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])

  const submit = async (event: Event) => {
    event.preventDefault()
    if (isWorking.value) return
    problem.value = key.value.trim() ? null : t.empty
    if (!problem.value) {
      isWorking.value = true
      const answer = await signIn(key.value.trim())
      isWorking.value = false
      if (answer.ok) return
      const { title, how } = sayProblem(answer.problem)
      problem.value = answer.problem.status === 401 ? t.wrong : how || title
    }
    input.current?.focus()
    input.current?.select()
  }

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Field label={t.key}>
        {(props) => (
          <input
            {...props}
            ref={input}
            type="password"
            autocomplete="current-password"
            autocapitalize="off"
            spellcheck={false}
            value={key.value}
            aria-invalid={problem.value ? true : undefined}
            aria-errormessage="sign-in-problem"
            onInput={(event) => {
              key.value = event.currentTarget.value
            }}
          />
        )}
      </Field>
      <p id="sign-in-problem" class="field-error" role="alert">
        {problem.value}
      </p>
      <button type="submit" class="primary wide" disabled={isWorking.value}>
        {isWorking.value ? t.working : t.submit}
      </button>
    </form>
  )
}
