/**
 * One `agents/<id>/sessions` directory, in the order in which the questions depend on each other: what is there by
 * name; which index is in force; is what it names there and whole; what does nothing name; then locks, pointers,
 * debris.
 */
import type { FileStat } from '../../host/disk.ts'
import { adopt } from './adopt.ts'
import { isUnchanged, type Confirmed } from '../checkpoint.ts'
import { isLockName } from '../../openclaw/layout.ts'
import type { Eyes } from '../eyes.ts'
import { indexInForce, writeIndex } from './session-index.ts'
import { lookAtArchives, lookAtDebris } from './leftovers.ts'
import { lookAtLocks, readLocks } from './locks.ts'
import { lookAtPointers, lookAtTrajectories } from './trajectories.ts'
import { lookAtEntry } from './transcripts.ts'
import { SessionsDir, type Depth } from './sessions-dir.ts'
import type { Site } from '../site.ts'

/**
 * What was there, for the checkpoint, or that it is as it was when it was confirmed; undefined when it could not be
 * looked into.
 */
export async function lookAtSessions(
  eyes: Eyes,
  where: { readonly dir: string; readonly agentId: string; readonly depth: Depth },
): Promise<ReadonlyMap<string, FileStat> | 'as confirmed' | undefined> {
  const entries = await eyes.list(where.dir)
  if (entries === undefined) return undefined
  const files: string[] = []
  const others = []
  for (const { name, kind } of entries)
    if (kind !== 'file') others.push({ name, kind })
    else if (!name.startsWith('.supervise-')) files.push(name)
  const stats = await eyes.stats(where.dir, files)

  const { trust } = where.depth
  const mayBeSkipped = others.length === 0 && eyes.notes.deaths.size === 0
  if (trust !== undefined && mayBeSkipped && isAsConfirmed(eyes.site, stats, trust)) {
    eyes.notes.sessions += trust.sessions
    eyes.notes.transcripts += trust.transcripts
    eyes.notes.findings.push(...trust.benign)
    return 'as confirmed'
  }

  const here = new SessionsDir(eyes, where, stats, others)
  await lookAtOthers(here)
  here.locks = await readLocks(here)
  const index = await indexInForce(here)
  if (index === undefined) return stats
  here.notes.sessions += index.entries.size
  for (const [key, entry] of index.entries) if (entry !== null) await lookAtEntry(here, key, entry)
  await lookAtLocks(here, index.entries)
  await adopt(here, index)
  writeIndex(here, index)
  await lookAtPointers(here)
  await lookAtTrajectories(here)
  await lookAtArchives(here)
  lookAtDebris(here)
  return stats
}

/** Nothing here changed since it was found consistent, nothing waits for a process to die, nothing else is asked for. */
function isAsConfirmed(site: Site, stats: ReadonlyMap<string, FileStat>, confirmed: Confirmed): boolean {
  const { policy } = site
  if (policy.adopt || policy.tidy || policy.unarchive || policy.resume !== 'crashed') return false
  if (stats.size !== confirmed.marks.size) return false
  for (const [name, stat] of stats)
    if (!isUnchanged(stat, confirmed.marks.get(name)) || isLockName(name)) return false
  return true
}

/** A link, a directory, a FIFO where a file of the gateway's belongs. */
async function lookAtOthers(here: SessionsDir): Promise<void> {
  for (const { name, kind } of here.others) {
    const path = here.path(name)
    const what = here.is(name)
    const words = kind === 'other' ? 'a FIFO, socket or device' : `a ${kind}`
    if (what.is === 'index' || what.is === 'transcript')
      here.eyes.misplaced(path, `${words}, where a file belongs`)
    if (what.is !== 'lock' && what.is !== 'index-lock') continue
    const found = await here.eyes.stat(path)
    if (found === undefined) continue
    const because = here.notes.found({
      kind: what.is === 'lock' ? 'lock-not-a-file' : 'index-lock',
      severity: 'blocks',
      path,
      evidence:
        what.is === 'lock'
          ? `${words}, where the gateway looks for a lock file: it stops cleaning up there`
          : `${words}, where the lock of the index belongs: every run fails`,
      repair: 'set it aside',
    })
    here.notes.remedy('evidence', path, [because], { do: 'set-aside', found })
  }
}
