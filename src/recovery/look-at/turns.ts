/**
 * Turns that were cut off: which of them the gateway will resume, and which it must not, because it died of them again
 * and again, or because the operator wants none resumed.  Such a turn is marked `failed`, as the gateway itself marks
 * one that it cannot go on with (markSessionFailed in dist/main-session-restart-recovery-*.js of 2026.4.26); its lock
 * is set aside, its history stays, and everything else is resumed.
 */
import { indexName } from '../../openclaw/layout.ts'
import { baseName, dirName } from '../../openclaw/posix-path.ts'
import { isInFlight, type SessionEntry } from '../../openclaw/session-index.ts'
import { isLeftToOthers } from '../../openclaw/session-key.ts'
import { lookAtTranscript } from './lines.ts'
import { isoOf } from '../iso.ts'
import { type Lock, type SessionsDir } from './sessions-dir.ts'
import { mostDeaths, turnName, type Turn } from '../turns.ts'

interface CutOff {
  readonly key: string
  readonly entry: SessionEntry
  readonly locks: readonly Lock[]
}

/** The keys whose turns end here. */
export function lookAtTurns(
  here: SessionsDir,
  entries: ReadonlyMap<string, SessionEntry | null>,
  locksOf: (key: string, entry: SessionEntry) => readonly Lock[],
): ReadonlySet<string> {
  const ended = new Set<string>()
  const { site } = here.eyes
  if (site.liveGatewayPid !== undefined) return ended
  for (const [key, entry] of entries) {
    if (entry === null || entry.status !== 'running' || isLeftToOthers(key, entry)) continue
    const locks = locksOf(key, entry)
    if (locks.some(({ state }) => state === 'held')) continue
    const turn: Turn = { dir: here.notes.shown(here.dir), key, sessionId: entry.sessionId }
    const willResume = entry.abortedLastRun || locks.length > 0
    const deaths = here.notes.deaths.get(turnName(turn)) ?? 0
    if (willResume && deaths >= mostDeaths) fail(here, { key, entry, locks }, deaths)
    else if (site.policy.resume === 'none' && (willResume || isInFlight(entry)))
      fail(here, { key, entry, locks }, null)
    else {
      if (willResume) here.notes.turns.push(turn)
      continue
    }
    ended.add(key)
  }
  return ended
}

/**
 * A turn that was cut off while its tools ran: the gateway marks it failed, since it resumes only what ends with words
 * or results.  The tool may have run half-way: what it did is for a person to look at, so this is told, and no more.
 */
export async function lookAtCalls(
  here: SessionsDir,
  entries: ReadonlyMap<string, SessionEntry | null>,
  ended: ReadonlySet<string>,
  locksOf: (key: string, entry: SessionEntry) => readonly Lock[],
): Promise<void> {
  if (here.eyes.site.liveGatewayPid !== undefined) return
  for (const [path, keys] of here.named)
    for (const key of keys) {
      const entry = entries.get(key)
      if (!entry || entry.status !== 'running' || ended.has(key) || isLeftToOthers(key, entry)) continue
      if (!entry.abortedLastRun && locksOf(key, entry).length === 0) continue
      const stat = dirName(path) === here.dir ? here.stats.get(baseName(path)) : undefined
      if (stat === undefined) continue
      const hint = { id: entry.sessionId, cwd: undefined, timestamp: isoOf(stat.mtimeMs) }
      const calls = (await lookAtTranscript(here.eyes, path, stat, 'whole', hint))?.lastMessage?.calls ?? []
      if (calls.length === 0) continue
      here.notes.found({
        kind: 'tool-call-unanswered',
        severity: 'benign',
        path,
        evidence: `session ${JSON.stringify(key)} was cut off while it ran ${calls.map((name) => JSON.stringify(name)).join(', ')}, perhaps half-way: the gateway will mark the turn failed, and not resume it`,
        repair: null,
      })
    }
}

function fail(here: SessionsDir, { key, entry, locks }: CutOff, deaths: number | null): void {
  const session = `session ${JSON.stringify(key)}`
  const repair = `mark the turn failed${locks.length === 0 ? '' : ', set its lock aside'}; its history stays`
  const path = here.path(locks[0]?.name ?? indexName)
  const because =
    deaths === null
      ? here.notes.found({
          kind: 'lock-stale',
          severity: 'benign',
          path,
          evidence: `${session}: its turn was cut off, and none is to be resumed`,
          repair,
        })
      : here.notes.found({
          kind: 'poison-turn',
          severity: 'blocks',
          path,
          evidence: `${session}: the gateway died ${deaths} times within a minute of resuming its turn (session id ${JSON.stringify(entry.sessionId)})`,
          repair,
        })
  const now = Math.floor(here.eyes.site.now())
  const fields = { status: 'failed', abortedLastRun: true, endedAt: now, updatedAt: now } as const
  for (const [field, value] of Object.entries(fields)) here.edit({ do: 'set', key, field, value }, because)
  for (const lock of locks)
    here.notes.remedy('evidence', here.path(lock.name), [because], { do: 'set-aside', found: lock.stat })
}
