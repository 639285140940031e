/**
 * Which gateway is started: one whose sessions are files (up to 2026.7), or rows (2026.8 and later). The installed
 * package says it where it is found; where it is not (a wrapper script, an executable of its own), the store that was
 * confirmed does, and then the endpoints that answer. It is never guessed: what each needs is given while it is unknown.
 */
import type { Package } from './launch.ts'

export type Era = 'files' | 'rows' | 'unknown'

/**
 * Does its start come with work of its own on the store, before it answers anything: an import, a migration, a check of
 * every database after an update? `before`: the version that last served here, where that is known. `isMended`: something was
 * mended or restored since: 2026.9.6 verifies a database that is another file from end to end.
 */
export const hasWorkOfItsOwn = (
  installed: Package | null,
  before: string | null,
  store: string | null,
  isMended: boolean,
): boolean =>
  store === 'migrating' ||
  (store === 'sqlite' && isMended) ||
  (store === 'file' && eraOf(installed, store) === 'rows') ||
  (installed !== null && before !== null && installed.version !== before)

/** `store`: as the inspection before the start named it. Files may be imported by what is started next. */
export function eraOf(installed: Package | null, store: string | null): Era {
  if (installed !== null) return installed.schemaVersions === null ? 'files' : 'rows'
  return store === 'sqlite' || store === 'migrating' || store === 'newer' ? 'rows' : 'unknown'
}

/**
 * Are files of before imported by its start? 2026.8.2, 2026.9.3, 2026.9.4 and 2026.9.5 (state schema 15 to 17) were
 * tried, and refuse them with 78 ("Legacy session store requires migration"); 2026.9.6 (18) imports them. Undefined for
 * an OpenClaw that keeps its sessions in files.
 */
export const importsAtItsStart = ({ schemaVersions }: Package): boolean | undefined =>
  schemaVersions === null ? undefined : (schemaVersions['state'] ?? 0) >= 18
