/**
 * Locks of transcripts and of the index.  A stale lock is the gateway's only sign of a cut-off turn, so it stays; what
 * the gateway would misread goes, after its evidence was written into the index.
 */
import { indexLockName, indexName, transcriptName } from '../../openclaw/layout.ts'
import { lockHolder, lockLimitBytes, lockState } from '../../openclaw/lock-file.ts'
import { isInFlight, type SessionEntry } from '../../openclaw/session-index.ts'
import { isLeftToOthers } from '../../openclaw/session-key.ts'
import { lookAtTranscript } from './lines.ts'
import { lookAtCalls, lookAtTurns } from './turns.ts'
import type { Because } from '../seen.ts'
import { isoOf } from '../iso.ts'
import { type Lock, type SessionsDir } from './sessions-dir.ts'

export async function readLocks(here: SessionsDir): Promise<readonly Lock[]> {
  const { site } = here.eyes
  const locks: Lock[] = []
  for (const { name, stat, what } of [...here.of('lock'), ...here.of('index-lock')]) {
    const bytes = await here.eyes.read(here.path(name), 0, lockLimitBytes)
    if (bytes === undefined) continue
    const holder = lockHolder(bytes.toString('utf8'))
    const isOfLiveGateway = holder.pid !== null && holder.pid === site.liveGatewayPid
    const state = isOfLiveGateway
      ? 'held'
      : lockState(holder, { now: site.now(), startTicksOf: (pid) => site.startTicksOf(pid) })
    locks.push({ name, base: what.is === 'lock' ? what.base : '', stat, holder, state })
  }
  return locks
}

type Entries = ReadonlyMap<string, SessionEntry | null>
interface Meant {
  readonly key: string
  readonly entry: SessionEntry
}

export async function lookAtLocks(here: SessionsDir, entries: Entries): Promise<void> {
  const locksOf = (key: string, entry: SessionEntry): Lock[] =>
    here.locks.filter(
      (lock) =>
        lock.base !== '' &&
        (entry.sessionId === lock.base ||
          here.named.get(here.path(transcriptName(lock.base)))?.includes(key)),
    )
  const ended = lookAtTurns(here, entries, locksOf)
  await lookAtCalls(here, entries, ended, locksOf)
  const locked = new Set<string>(ended)
  for (const lock of here.locks) {
    if (lock.name === indexLockName) {
      lookAtIndexLock(here, lock)
      continue
    }
    const meant = meantBy(here, lock, entries)
    for (const { key } of meant) locked.add(key)
    const left = meant.filter(({ key }) => !ended.has(key))
    // It is set aside: what else it told goes into the index.
    if (left.length < meant.length)
      mark(here, left.filter(isUnmarked), {
        kind: 'poison-turn',
        path: here.notes.shown(here.path(lock.name)),
      })
    else if (lock.state !== 'held') await lookAtLock(here, lock, meant)
  }
  if (here.eyes.site.policy.resume === 'all' && here.eyes.site.liveGatewayPid === undefined)
    markUnlocked(here, entries, locked)
}

function meantBy(here: SessionsDir, lock: Lock, entries: Entries): Meant[] {
  const byFile = here.named.get(here.path(transcriptName(lock.base))) ?? []
  return [...entries].flatMap(([key, entry]) =>
    entry !== null && (entry.sessionId === lock.base || byFile.includes(key)) ? [{ key, entry }] : [],
  )
}

const isUnmarked = ({ key, entry }: Meant): boolean =>
  entry.status === 'running' && !entry.abortedLastRun && !isLeftToOthers(key, entry)

async function lookAtLock(here: SessionsDir, lock: Lock, meant: readonly Meant[]): Promise<void> {
  const path = here.path(lock.name)
  const unmarked = meant.filter(isUnmarked)
  const unwritten = await begunUnwritten(here, lock, meant)
  for (const { key } of unwritten) {
    const because = here.notes.found({
      kind: 'turn-unmarked',
      severity: 'loses',
      path,
      evidence: `session ${JSON.stringify(key)}: what its user said last was not answered, and the index does not say that a turn was under way`,
      repair: 'mark it running and cut off, for the gateway to resume',
    })
    here.edit({ do: 'set', key, field: 'status', value: 'running' }, because)
    mark(here, [{ key }], because)
  }
  if (lock.state === 'misread') {
    const because = here.notes.found({
      kind: 'lock-misread',
      severity: 'blocks',
      path,
      evidence: `its writer is gone, but pid ${lock.holder.pid} is alive as another process and no start time tells them apart`,
      repair:
        unmarked.length === 0
          ? 'set it aside'
          : 'mark the cut-off turn for the gateway to resume, then set the lock aside',
    })
    mark(here, unmarked, because)
    here.notes.remedy('evidence', path, [because], { do: 'set-aside', found: lock.stat })
    return
  }
  // The gateway compares the lock's name with the session's id only (dist/main-session-restart-recovery-*.js).
  const unseen = unmarked.filter(({ entry }) => entry.sessionId !== lock.base)
  if (unseen.length > 0) {
    const because = here.notes.found({
      kind: 'lock-name-mismatch',
      severity: 'loses',
      path,
      evidence: `session ${JSON.stringify(unseen[0]!.key)} was reset: the lock bears another id, so its cut-off turn would be forgotten`,
      repair: 'mark the cut-off turn for the gateway to resume',
    })
    mark(here, unseen, because)
    return
  }
  if (unwritten.length > 0) return
  here.notes.found({
    kind: 'lock-stale',
    severity: 'benign',
    path,
    evidence: `its writer (pid ${lock.holder.pid ?? 'unknown'}) is gone: the gateway's only sign of a cut-off turn`,
    repair: null,
  })
}

/**
 * Sessions whose run took this lock and was killed before it wrote `running` into the index: the gateway marks only
 * what says `running`, so that such a turn is forgotten.
 */
async function begunUnwritten(here: SessionsDir, lock: Lock, meant: readonly Meant[]): Promise<Meant[]> {
  const { site } = here.eyes
  if (site.liveGatewayPid !== undefined || site.policy.resume === 'none') return []
  const idle = meant.filter(
    ({ key, entry }) =>
      entry.status !== 'running' &&
      (entry.status === undefined || entry.endedAt !== undefined) &&
      !isLeftToOthers(key, entry),
  )
  const name = transcriptName(lock.base)
  const stat = here.stats.get(name)
  if (idle.length === 0) return []
  const since = (saidAt: number): Meant[] => idle.filter(({ entry }) => saidAt > (entry.endedAt ?? 0))
  const rebuiltFrom = here.firstWords.get(here.path(name))
  if (rebuiltFrom !== undefined) return since(rebuiltFrom)
  if (stat === undefined) return []
  const hint = { id: lock.base, cwd: undefined, timestamp: isoOf(stat.mtimeMs) }
  const last = (await lookAtTranscript(here.eyes, here.path(name), stat, 'whole', hint))?.lastMessage
  return last?.role === 'user' ? since(Date.parse(last.timestamp ?? '')) : []
}

function mark(here: SessionsDir, meant: readonly Pick<Meant, 'key'>[], because: Because): void {
  for (const { key } of meant) here.edit({ do: 'set', key, field: 'abortedLastRun', value: true }, because)
}

/** Turns that a stop cut off: it took their locks away. */
function markUnlocked(here: SessionsDir, entries: Entries, locked: ReadonlySet<string>): void {
  for (const [key, entry] of entries) {
    if (entry === null || locked.has(key) || entry.abortedLastRun || !isInFlight(entry)) continue
    if (isLeftToOthers(key, entry)) continue
    const because = here.notes.found({
      kind: 'lock-stale',
      severity: 'benign',
      path: here.path(indexName),
      evidence: `session ${JSON.stringify(key)}: a turn was cut off by a stop that took its lock away`,
      repair: 'mark it for the gateway to resume',
    })
    mark(here, [{ key }], because)
  }
}

function lookAtIndexLock(here: SessionsDir, lock: Lock): void {
  const path = here.path(lock.name)
  if (lock.state === 'held') {
    if (lock.holder.pid === here.eyes.site.liveGatewayPid) return
    here.notes.found({
      kind: 'index-lock',
      severity: 'blocks',
      path,
      evidence: `held by pid ${lock.holder.pid}, which lives and is not the gateway`,
      repair: null,
      without: 'retry-later',
    })
    return
  }
  const writer =
    lock.holder.pid === null ? 'a writer that it does not name' : `pid ${lock.holder.pid}, which is gone`
  const because = here.notes.found({
    kind: 'index-lock',
    severity: 'blocks',
    path,
    evidence: `left by ${writer}: runs wait for it, and fail`,
    repair: 'set it aside',
  })
  here.notes.remedy('evidence', path, [because], { do: 'set-aside', found: lock.stat })
}
