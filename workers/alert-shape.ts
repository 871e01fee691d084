import { z } from 'zod'
import { alertKinds } from '../core/alerts.ts'

/** An alert, with whatever there is to know of its kind. */
export const alertShape = z.looseObject({ id: z.string(), kind: z.enum(alertKinds), at: z.iso.datetime() })
