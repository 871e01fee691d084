import { signal, useSignalEffect } from '@preact/signals'
import type { ComponentType } from 'preact'
import { EventFrame, Frame, Plain } from './parts/frame.tsx'
import { Link } from './parts/link.tsx'
import { Empty, Failed, Loading } from './parts/states.tsx'
import { Toasts } from './parts/toast.tsx'
import { match, place } from './router.ts'
import { routes, type ScreenProps, type ScreenRoute } from './routes.ts'
import { SignIn, SignInAgain } from './screens/sign-in.tsx'
import { lookWhoItIs, may, session } from './session.ts'
import { words } from './words/language.ts'

/** Whoever is not signed in signs in, at the address they came to; everybody else sees what is there. */
export function App() {
  return (
    <>
      <Body />
      <Toasts />
    </>
  )
}

function Body() {
  const now = session.value
  switch (now.state) {
    case 'unknown':
      return (
        <main class="alone">
          {now.problem ? <Failed problem={now.problem} onRetry={() => void lookWhoItIs()} /> : <Loading />}
        </main>
      )
    case 'none':
      return <SignIn />
    case 'in':
    case 'expired':
      return (
        <>
          <Frame>
            <Screen />
          </Frame>
          {now.state === 'expired' && <SignInAgain />}
        </>
      )
  }
}

function Screen() {
  const { path } = place.value
  for (const route of routes) {
    const params = match(route.path, path)
    if (!params) continue
    const screen = may(route.role ?? 'viewer') ? (
      <Lazy key={route.path + JSON.stringify(params)} route={route} params={params} />
    ) : (
      <NotAllowed />
    )
    const { eventId } = params
    return eventId ? (
      <EventFrame key={eventId} eventId={eventId}>
        {screen}
      </EventFrame>
    ) : (
      <Plain>{screen}</Plain>
    )
  }
  return (
    <Plain>
      <NotFound />
    </Plain>
  )
}

/** The screens that were fetched, and which could not be: a deployment takes the files of the one before away. */
const screens = signal(new Map<ScreenRoute, ComponentType<ScreenProps> | 'missing'>())

function Lazy({ route, params }: { route: ScreenRoute; params: Record<string, string> }) {
  const known = screens.value.get(route)
  useSignalEffect(() => {
    if (!screens.value.has(route)) void fetchScreen(route)
  })
  if (known === 'missing') return <Missing />
  if (!known) return <Loading />
  const Shown = known
  return <Shown params={params} />
}

async function fetchScreen(route: ScreenRoute): Promise<void> {
  const found = await route.load().then(
    (file) => file.default,
    (error: unknown) => {
      console.error('a screen could not be fetched', error)
      return 'missing' as const
    },
  )
  screens.value = new Map(screens.peek()).set(route, found)
}

function Missing() {
  const t = words.value.common
  return (
    <Empty icon="cloud" title={t.offlineTitle}>
      <p>{t.offlineHow}</p>
      <button type="button" class="primary" onClick={() => location.reload()}>
        {t.reload}
      </button>
    </Empty>
  )
}

function NotAllowed() {
  const t = words.value.common
  return (
    <Empty icon="lock" title={t.notAllowed}>
      <p>{t.notAllowedHow}</p>
    </Empty>
  )
}

function NotFound() {
  const t = words.value.common
  return (
    <Empty icon="search" title={t.notFound}>
      <p>{t.notFoundHow}</p>
      <Link to="/" class="button">
        {t.backToEvents}
      </Link>
    </Empty>
  )
}

/** Says so where something in a screen broke, instead of going blank. */
export function Broken() {
  const t = words.value.common
  return (
    <main class="alone">
      <Empty icon="conflict" title={t.wrong}>
        <p>{t.wrongHow}</p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </Empty>
    </main>
  )
}
