/**
 * Which gateway is started: one whose sessions are files (up to 2026.7), or rows (2026.8 and later). The installed
 * package says it where it is found; where it is not (a wrapper script, an executable of its own), the store that was
 * confirmed does, and then the endpoints that answer. It is never guessed: what each needs is given while it is unknown.
 */
import type { Package } from './launch.ts'

export type Era = 'files' | 'rows' | 'unknown'

/** `store`: as the inspection before the start named it. Files may be imported by what is started next. */
export function eraOf(installed: Package | null, store: string | null): Era {
  if (installed !== null) return installed.schemaVersions === null ? 'files' : 'rows'
  return store === 'sqlite' || store === 'migrating' || store === 'newer' ? 'rows' : 'unknown'
}
