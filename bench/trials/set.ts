import type { Server } from '../server.ts'
import { setImages } from './images.ts'
import { setImport } from './import.ts'
import { setLive } from './live.ts'
import { setReports } from './reports.ts'
import type { SetTrial, Trial, TrialName } from './trial.ts'

const setters: Record<TrialName, SetTrial> = {
  images: setImages,
  live: setLive,
  reports: setReports,
  import: setImport,
}

export function setTrial(name: TrialName, server: Server, isQuick: boolean): Promise<Trial> {
  return setters[name](server, isQuick)
}
