import type { Sheet } from '../scanner.ts'
import { ConflictsScreen } from './conflicts.tsx'
import { GateScreen } from './gate.tsx'
import { KioskIntroScreen } from './kiosk-intro.tsx'
import { ManualScreen } from './manual.tsx'
import { MenuScreen } from './menu.tsx'
import { ReadyScreen } from './ready.tsx'
import { RecentScreen } from './recent.tsx'
import { SearchScreen } from './search.tsx'
import { SellScreen } from './sell.tsx'
import { SettingsScreen } from './settings.tsx'
import { ShiftScreen } from './shift.tsx'
import { SignOutScreen } from './sign-out.tsx'

/** Everything that lies over the door. */
export const sheets: Record<Sheet, () => preact.JSX.Element> = {
  menu: MenuScreen,
  gate: GateScreen,
  manual: ManualScreen,
  search: SearchScreen,
  sell: SellScreen,
  shift: ShiftScreen,
  recent: RecentScreen,
  conflicts: ConflictsScreen,
  ready: ReadyScreen,
  settings: SettingsScreen,
  kiosk: KioskIntroScreen,
  'sign-out': SignOutScreen,
}

export { PinPad } from '../parts/pin-pad.tsx'
export { AnnulDialog, ForceDialog } from './dialogs.tsx'
export { EnrolScreen } from './enrol.tsx'
export { KioskScreen } from './kiosk.tsx'
