import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { reached } from '../api.ts'
import { EventContext, type EventSource } from '../event.ts'
import { useGet } from '../loading.ts'
import { go, place } from '../router.ts'
import { navGroups, routes, type ScreenRoute } from '../routes.ts'
import { may, session, signInByAccess, signOut, who } from '../session.ts'
import type { EventDetails } from '../things.ts'
import { words } from '../words/language.ts'
import { Dialog } from './dialog.tsx'
import { Icon } from './icon.tsx'
import { Link } from './link.tsx'
import { Loaded } from './states.tsx'
import { complain } from './toast.tsx'

/** What stands around every screen: who is signed in, and that there is no network. */
export function Frame({ children }: { children: ComponentChildren }) {
  const t = words.value
  const leave = async () => {
    const answer = await signOut()
    if (!answer.ok) complain(answer.problem)
  }
  return (
    <div class="frame" inert={session.value.state === 'expired'}>
      <a class="skip" href="#content">
        {t.common.skip}
      </a>
      <header class="top">
        <Link to="/" class="brand">
          <img src="/icons/logo.svg" alt="" width="28" height="28" />
          {t.name}
        </Link>
        <Whose />
        <button type="button" class="plain" onClick={() => void leave()}>
          <Icon name="exit" />
          <span class="label">{t.signIn.out}</span>
        </button>
      </header>
      {!reached.value && (
        <p class="no-network" role="status">
          <Icon name="cloud" />
          {t.common.offline}
        </p>
      )}
      {children}
    </div>
  )
}

/** For whom one acts; whoever belongs to several organisations chooses. */
function Whose() {
  const t = words.value.signIn
  const organisations = who.value?.member?.organisations ?? []
  const choose = async (organisationId: string) => {
    const answer = await signInByAccess(organisationId)
    if (answer.ok) go('/')
    else complain(answer.problem)
  }
  if (organisations.length < 2) return <p class="whose dim">{who.value?.organisation?.name ?? t.admin}</p>
  return (
    <label class="whose">
      <span class="visually-hidden">{t.whose}</span>
      <select
        value={who.value?.organisation?.id ?? ''}
        onChange={({ currentTarget }) => void choose(currentTarget.value)}
      >
        {organisations.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

export function Plain({ children }: { children: ComponentChildren }) {
  return (
    <main id="content" class="plain-screen" tabIndex={-1}>
      {children}
    </main>
  )
}

/** An event with its navigation: at the side where there is room, at the bottom of a phone. */
export function EventFrame({ eventId, children }: { eventId: string; children: ComponentChildren }) {
  const loaded = useGet<{ event: EventDetails }>(`/api/events/${encodeURIComponent(eventId)}`)
  return (
    <div class="event-frame">
      <EventNav eventId={eventId} title={loaded.value?.event.title ?? ''} />
      <main id="content" tabIndex={-1}>
        <Loaded of={loaded}>
          {({ event }) => {
            const source: EventSource = {
              event,
              path: `/api/events/${event.id}`,
              home: `/events/${event.id}`,
              reload: () => void loaded.reload(),
              set: (changed) => loaded.set({ event: changed }),
            }
            return <EventContext.Provider value={source}>{children}</EventContext.Provider>
          }}
        </Loaded>
      </main>
    </div>
  )
}

function EventNav({ eventId, title }: { eventId: string; title: string }) {
  const t = words.value
  const isOpen = useSignal(false)
  const shown = routes.filter((route) => route.nav && may(route.role ?? 'viewer'))
  const onBar = shown.filter((route) => route.nav?.onBar).slice(0, 4)
  const close = () => {
    isOpen.value = false
  }
  return (
    <>
      <nav class="side" aria-label={t.nav.label}>
        <Link to="/" class="back">
          <Icon name="back" />
          {t.nav.events}
        </Link>
        <p class="event-title">{title}</p>
        <Groups shown={shown} eventId={eventId} />
      </nav>
      <nav class="bar" aria-label={t.nav.label}>
        {onBar.map((route) => (
          <NavLink key={route.path} route={route} eventId={eventId} />
        ))}
        <button
          type="button"
          aria-haspopup="dialog"
          onClick={() => {
            isOpen.value = true
          }}
        >
          <Icon name="more" />
          {t.nav.more}
        </button>
      </nav>
      {isOpen.value && (
        <Dialog title={title || t.nav.menu} class="menu" onClose={close}>
          <Groups shown={shown} eventId={eventId} onGo={close} />
          <Link to="/" class="back" onGo={close}>
            <Icon name="back" />
            {t.nav.events}
          </Link>
        </Dialog>
      )}
    </>
  )
}

type GroupsProps = { shown: ScreenRoute[]; eventId: string; onGo?: () => void }

function Groups({ shown, eventId, onGo }: GroupsProps) {
  return navGroups.map((group) => {
    const of = shown.filter((route) => route.nav?.group === group)
    if (of.length === 0) return null
    return (
      <div key={group} class="nav-group">
        <h2>{words.value.navGroups[group]}</h2>
        <ul>
          {of.map((route) => (
            <li key={route.path}>
              <NavLink route={route} eventId={eventId} {...(onGo ? { onGo } : {})} />
            </li>
          ))}
        </ul>
      </div>
    )
  })
}

function NavLink({ route, eventId, onGo }: { route: ScreenRoute; eventId: string; onGo?: () => void }) {
  const { nav, path } = route
  if (!nav) return null
  const to = path.replace(':eventId', encodeURIComponent(eventId))
  // A screen below a screen, such as one ticket, belongs to it.
  const here = place.value.path
  const isHome = path === '/events/:eventId'
  const isCurrent = here === to || (!isHome && here.startsWith(`${to}/`))
  return (
    <Link to={to} isCurrent={isCurrent} {...(onGo ? { onGo } : {})}>
      <Icon name={nav.icon} />
      {words.value.nav[nav.label]}
    </Link>
  )
}
