import { useSignal } from '@preact/signals'
import type { Shown } from '../engine/shown.ts'
import { outcomeOf, outcomes, toneStyle } from '../outcomes.ts'
import { Icon } from '../parts/icon.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { useScanner } from '../scanner.ts'
import { exactTime, words } from '../words/language.ts'
import { AnnulDialog } from './dialogs.tsx'

export function RecentScreen() {
  const { recent } = useScanner()
  const { recent: t } = words.value
  const annulling = useSignal<Shown | null>(null)
  return (
    <Sheet title={t.title}>
      {recent.value.length === 0 && <p class="empty">{t.none}</p>}
      <ol class="recent">
        {recent.value.map((shown) => (
          <RecentScan key={shown.scanId} shown={shown} onAnnul={() => (annulling.value = shown)} />
        ))}
      </ol>
      <p class="hint">{t.why}</p>
      {annulling.value && <AnnulDialog shown={annulling.value} onClose={() => (annulling.value = null)} />}
    </Sheet>
  )
}

function RecentScan({ shown, onAnnul }: { shown: Shown; onAnnul: () => void }) {
  const { outcomes: says, verdict } = words.value
  const name = outcomeOf(shown.verdict)
  return (
    <li>
      <span class="swatch" style={toneStyle(outcomes[name].tone)}>
        <Icon name={outcomes[name].icon} />
      </span>
      <div>
        <strong>{says[name][0]}</strong>
        <p>
          <time dateTime={new Date(shown.at).toISOString()}>{exactTime(shown.at)}</time> · {shown.gate.name}
        </p>
        {shown.ticket && <p>{[shown.ticket.who, shown.ticket.typeName].filter(Boolean).join(' · ')}</p>}
        {shown.judgedBy === 'device' && <p class="tag">{verdict.byDevice}</p>}
      </div>
      {shown.verdict.kind === 'admitted' && (
        <button type="button" onClick={onAnnul}>
          {verdict.takeBack}
        </button>
      )}
    </li>
  )
}
