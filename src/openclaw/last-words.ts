/**
 * What a gateway of 2026.8 and later wrote into its control plane of its own end: a hand-off for a restart that it
 * leaves to its supervisor (under OPENCLAW_SUPERVISOR_MODE=external; one row, good for a minute), and one row for each
 * of its lives. 2026.9.6: dist/restart-handoff, dist/gateway-boot-lifecycle.
 *
 * The hand-off is read, and consumed only where that is asked for (hand-off.ts), so that one of an earlier life may lie
 * there, with a pid that was given away again: only what was written in this life counts.
 */
import type { Rows } from './databases.ts'
import type { HandOff } from './hand-off.ts'

/** `pids`: of the process that was spawned, and of those below it that were seen listening; a wrapper is not the gateway. */
export interface Life {
  readonly pids: readonly number[]
  readonly sinceMs: number
}

export type LastWords =
  /** It ended in order to be started again. The hand-off is one that is still good. */
  | { readonly is: 'restart'; readonly why: string; readonly handOff: HandOff | null }
  /** It ended because somebody told it to. */
  | { readonly is: 'stop'; readonly why: string }
  | { readonly is: 'nothing'; readonly why: string | null }

/** So many unclean lives within the window, and the next one keeps its channels down. */
const mostUnclean = 3
const windowMs = 300_000

/** Of a life that failed to start, its end counts; the reasons are those that the gateway itself leaves out. */
const uncleanAt = `CASE WHEN completed_at_ms IS NULL THEN started_at_ms
  WHEN outcome = 'startup_failed' THEN completed_at_ms END`
const notCounted = "('gateway.maintenance_required', 'gateway.agent_media_migration_required')"

export const askForLastWords = ({ pids, sinceMs }: Life): Readonly<Record<string, string>> => ({
  handoff: `SELECT pid, reason, expires_at FROM gateway_restart_handoff WHERE created_at >= ${Math.trunc(sinceMs)}`,
  boot: `SELECT outcome, reason FROM gateway_boot_lifecycle WHERE pid IN (${pids.map(Math.trunc).join()}) AND started_at_ms >= ${Math.trunc(sinceMs)} ORDER BY started_at_ms DESC LIMIT 1`,
  unclean: `SELECT ${uncleanAt} AS at FROM gateway_boot_lifecycle WHERE at IS NOT NULL AND coalesce(startup_reason, '') NOT IN ${notCounted} ORDER BY at DESC LIMIT ${mostUnclean}`,
})

export type Answers = Readonly<Record<string, Rows>>

export function lastWordsOf(answers: Answers, { pids }: Life, now: number): LastWords {
  const handoff = answers['handoff']?.[0]
  const boot = answers['boot']?.[0]
  const outcome = text(boot?.['outcome'])
  const why = text(handoff?.['reason']) ?? text(boot?.['reason']) ?? 'no reason given'
  const isOurs = pids.includes(Number(handoff?.['pid']))
  if (handoff !== undefined && isOurs) {
    const untilMs = Number(handoff['expires_at'])
    const lateMs = now - untilMs
    if (lateMs < 0) return { is: 'restart', why, handOff: { pid: Number(handoff['pid']), untilMs } }
    const late = `its hand-off had expired ${Math.round(lateMs / 1000)} s before`
    return { is: 'restart', why: `${why} (${late})`, handOff: null }
  }
  const refused =
    handoff === undefined
      ? null
      : `its hand-off names pid ${String(handoff['pid'])}, which is another process`
  const bootWhy = text(boot?.['reason']) ?? 'no reason given'
  if (outcome === 'planned_restart')
    return { is: 'restart', why: `${bootWhy} (${refused ?? 'it left no hand-off'})`, handOff: null }
  if (outcome === 'clean_stop') return { is: 'stop', why: bootWhy }
  return { is: 'nothing', why: refused }
}

/** How long a next start would find its channels kept down, because too many lives before it ended unclean. */
export function quietMsOf(answers: Answers, now: number): number {
  const times = (answers['unclean'] ?? []).map((row) => Number(row['at']))
  const oldest = times[mostUnclean - 1]
  if (oldest === undefined) return 0
  // It counts what is not older than the window. A clock that was set back makes no wait longer than that.
  return Math.min(Math.max(0, oldest + windowMs + 1 - now), windowMs)
}

const text = (cell: Rows[number][string] | undefined): string | null =>
  typeof cell === 'string' ? cell : null
