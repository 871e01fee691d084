import { useEffect } from 'preact/hooks'
import { later } from './later.ts'
import { outcomeOf, outcomes, toneStyle } from './outcomes.ts'
import { StatusBar, useNow } from './parts/status-bar.tsx'
import { type Sheet, useScanner } from './scanner.ts'
import { DoorScreen } from './screens/door.tsx'
import { VerdictScreen } from './screens/verdict.tsx'
import { settings } from './settings.ts'
import { moment, words } from './words/language.ts'

/** One screen at a time: where one enrols, the turnstile, or the door with a sheet or an answer over it. */
export function App({ invited }: { invited: string | null }) {
  const { status, sheet, shown, judging, gateIsChosen } = useScanner()
  if (!status.value.enrolment) {
    const Enrol = later.value?.EnrolScreen
    return Enrol ? <Enrol key={invited} invited={invited} /> : <p class="first">Admit One</p>
  }
  if (settings.value.kiosk) {
    const Kiosk = later.value?.KioskScreen
    return (
      <>
        <StatusBar />
        {Kiosk && <Kiosk />}
        <AskedPin />
      </>
    )
  }
  const open: Sheet | null = sheet.value ?? (gateIsChosen() ? null : 'gate')
  const Over = open && later.value?.sheets[open]
  const isCovered = Boolean(shown.value || Over)
  const tone = shown.value && outcomes[outcomeOf(shown.value.shown.verdict)].tone
  return (
    <div class="app" style={tone ? toneStyle(tone) : {}}>
      <StatusBar />
      <Blocked />
      <div class="stage">
        {/* The camera goes on underneath: the next code ends what is shown. */}
        <div class="under" inert={isCovered}>
          <DoorScreen isCovered={isCovered} />
        </div>
        {Over && !shown.value && <Over key={open} />}
      </div>
      {judging.value && (
        <p class="judging" role="status">
          {words.value.status.judging}
        </p>
      )}
      {shown.value && <VerdictScreen key={shown.value.shown.scanId} {...shown.value} />}
      <AskedPin />
    </div>
  )
}

function AskedPin() {
  const { engine, pinAsked } = useScanner()
  const t = words.value.pin
  const answer = pinAsked.value
  const PinPad = later.value?.PinPad
  if (!answer || !PinPad) return null
  const check = async (pin: string) => {
    if (!(await engine.checkPin(pin))) return words.value.failures.wrong_pin
    answer(pin)
    return null
  }
  return <PinPad title={t.enter} onPin={check} onCancel={() => answer(null)} />
}

/** The server takes no scan from this device for a while. */
function Blocked() {
  const { status } = useScanner()
  const now = useNow(1000)
  const { outcomes, verdict } = words.value
  const until = status.value.blockedUntil
  if (until === null || until <= now) return null
  return (
    <p class="blocked" role="alert">
      {outcomes.device_blocked[1]} {verdict.until}
      {moment(until, now)}
    </p>
  )
}

/** Says so where something in a screen broke, instead of going blank; what was scanned is stored either way. */
export function Broken() {
  const { common } = words.value
  useEffect(() => document.querySelector('button')?.focus(), [])
  return (
    <main class="enrol">
      <h1>{common.wrong}</h1>
      <button type="button" class="primary wide" onClick={() => location.reload()}>
        {common.reload}
      </button>
    </main>
  )
}
