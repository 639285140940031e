import { trajectoryName } from '../../openclaw/layout.ts'
import type { SessionsDir } from './sessions-dir.ts'

const oneRunMs = 60_000

/**
 * A `doctor --fix` beside an unreadable index takes every transcript for an orphan, and its trajectory with it
 * (dist/doctor-state-integrity-*.js of 2026.4.26); a session that its user deleted keeps its trajectory.
 */
export function archivedByDoctor(here: SessionsDir): { readonly name: string; readonly heldIn: string }[] {
  return [...here.archives].flatMap(([name, [newest]]) => {
    const what = here.is(name)
    if (what.is !== 'transcript' || newest?.why !== 'deleted' || here.stats.has(name)) return []
    const together = here
      .archivesOf(trajectoryName(what.base))
      .some((one) => one.why === 'deleted' && Math.abs(one.at - newest.at) < oneRunMs)
    return together ? [{ name, heldIn: newest.name }] : []
  })
}
