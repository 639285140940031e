/**
 * One `agents/<id>/sessions` directory, in the order in which the questions depend on each other: what is there by
 * name; which index is in force; is what it names there and whole; what does nothing name; then locks, pointers,
 * debris.
 */
import type { FileStat } from '../../host/disk.ts'
import { kindAt, marksIn, statAt, type Survey } from '../../host/survey.ts'
import { adopt } from './adopt.ts'
import { sealOf, type Confirmed } from '../checkpoint.ts'
import { isLockName } from '../../openclaw/layout.ts'
import type { Eyes } from '../eyes.ts'
import { indexInForce, writeIndex } from './session-index.ts'
import { lookAtArchives, lookAtDebris } from './leftovers.ts'
import { lookAtLocks, readLocks } from './locks.ts'
import { lookAtPointers, lookAtTrajectories } from './trajectories.ts'
import { lookAtEntry } from './transcripts.ts'
import { lookAtWords } from './words.ts'
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
  const survey = await eyes.survey(where.dir)
  if (survey === undefined) return undefined
  const { trust } = where.depth
  if (trust !== undefined && eyes.notes.deaths.size === 0 && isAsConfirmed(eyes.site, survey, trust)) {
    eyes.notes.files += survey.names.length
    eyes.notes.sessions += trust.sessions
    eyes.notes.transcripts += trust.transcripts
    eyes.notes.findings.push(...trust.benign)
    return 'as confirmed'
  }

  const { stats, others } = apart(survey)
  eyes.notes.files += stats.size
  const here = new SessionsDir(eyes, where, stats, others)
  await lookAtOthers(here)
  here.locks = await readLocks(here)
  const index = await indexInForce(here)
  if (index === undefined) return stats
  here.notes.sessions += index.entries.size
  for (const [key, entry] of index.entries) if (entry !== null) await lookAtEntry(here, key, entry)
  await lookAtWords(here, index.entries)
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
function isAsConfirmed(site: Site, survey: Survey, confirmed: Confirmed): boolean {
  const { policy } = site
  if (policy.adopt || policy.tidy || policy.unarchive || policy.resume !== 'crashed') return false
  if (survey.names.some((name, n) => kindAt(survey, n) !== 'file' || isLockName(name))) return false
  return sealOf(survey.names, marksIn(survey)) === confirmed.seal
}

/** Our own temporary names are nobody's but ours. */
function apart(survey: Survey): Pick<SessionsDir, 'stats' | 'others'> {
  const stats = new Map<string, FileStat>()
  const others = []
  for (const [n, name] of survey.names.entries()) {
    const kind = kindAt(survey, n)
    if (kind !== 'file') others.push({ name, kind })
    else if (!name.startsWith('.supervise-')) stats.set(name, statAt(survey, n))
  }
  return { stats, others }
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
