/** What became of the last gateway, as far as it tells of the turns that were handed to it (recovery/turns.ts). */
import type { Event, State } from '../lifecycle/lifecycle.ts'
import type { Ask } from '../recovery/verdict.ts'
import type { Status } from './status.ts'

export type LastRun = NonNullable<Ask['lastRun']>

/** A minute; 2026.4.26 begins to resume five seconds after it is ready. */
const soonMs = 65_000

export function lastRunOf(from: State, event: Extract<Event, { type: 'exited' }>): LastRun {
  const readyAt = 'readyAt' in from ? from.readyAt : null
  if (readyAt === null) return 'unknown'
  if (event.now - readyAt >= soonMs) return 'lived'
  return from.phase === 'running' && event.meaning === 'crash' ? 'died-soon' : 'unknown'
}

/**
 * What an earlier supervisor left: when both were killed at once (out of memory, as one group), nobody saw the end, but
 * it was not later than now.
 */
export function lastRunBefore(
  before: Status | null,
  own: { readonly bootId: string },
  isOrphan: boolean,
  wallMs: number,
): LastRun {
  if (before?.phase !== 'running' || isOrphan || before.supervisor?.bootId !== own.bootId) return 'unknown'
  const forMs = wallMs - Date.parse(before.since)
  return forMs >= 0 && forMs < soonMs ? 'died-soon' : 'unknown'
}
