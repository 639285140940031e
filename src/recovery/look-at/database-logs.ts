/**
 * Commits that only a log had: it is none, it is torn, or it went. The gateway takes such a log for an empty one, in
 * silence, and writes over what is left of it.
 */
import type { Looked } from '../../host/sqlite.ts'
import { contentQuestions } from '../../openclaw/databases.ts'
import { baseName, dirName } from '../../openclaw/posix-path.ts'
import { isUnchanged, type Checkpoint } from '../checkpoint.ts'
import { logSight, type DatabaseSeen } from '../database-file.ts'
import { soundSnapshot } from '../database-snapshots.ts'
import type { Eyes } from '../eyes.ts'
import { spliced } from '../notebook.ts'
import { asideBeside, restoreDatabase, restoring } from './database-remedies.ts'

/** The gateway takes a log that it cannot read for none, and writes over it. */
export function lookAtNoLog({ notes }: Eyes, one: DatabaseSeen, why: string): void {
  const because = notes.found({
    kind: 'wal-gone-or-torn',
    severity: 'loses',
    path: `${one.path}-wal`,
    evidence: `${why}: the newest commits are in no log that can be read, and the gateway would write over it`,
    repair: 'set it aside with its index: the database goes on from its last checkpoint',
  })
  asideBeside(notes, one, [because])
}

/**
 * A log that was there at the last confirmed look, and a database that has not changed since: what only the log had is
 * in the snapshot of that look. (A log that had been folded in before it went leaves the two alike.)
 */
export async function restoreIfLogIsGone(
  eyes: Eyes,
  one: DatabaseSeen,
  confirmed: Checkpoint | undefined,
): Promise<boolean> {
  const { notes, site } = eyes
  const { databases } = site
  const wal = `${one.path}-wal`
  if (databases === undefined || one.role !== 'agent' || one.stat === null || one.log.is !== 'empty')
    return false
  if (one.beside.some(({ path, stat }) => path === wal && stat.bytes > 0)) return false
  const marks = confirmed?.directories.get(notes.shown(dirName(one.path)))?.marks
  const mark = marks?.get(baseName(wal))
  if (mark === undefined || mark[1] === 0) return false
  if (!isUnchanged(one.stat, marks?.get(baseName(one.path)))) return false
  const snapshot = await soundSnapshot(site, one)
  if (snapshot === null || snapshot.takenAt <= Math.max(one.stat.mtimeMs, mark[2])) return false
  const ask = { depth: 'none', json: [], ask: contentQuestions } as const
  const [now, then] = [await databases.look(one.path, ask), await databases.look(snapshot.path, ask)]
  if (now.is !== 'read' || then.is !== 'read' || isAlike(now.answers, then.answers)) return false
  const because = notes.found({
    kind: 'wal-gone-or-torn',
    severity: 'loses',
    path: wal,
    evidence: `${mark[1]} bytes at the last confirmed look, and gone; the database has not changed since, and lacks the commits that only its log had`,
    repair: restoring(snapshot),
  })
  restoreDatabase(eyes, one, snapshot, because)
  return true
}

/** Nothing reads them any more; but the gateway would write over what is left of them. */
export function lookForLostCommits(
  { notes, site }: Eyes,
  one: DatabaseSeen,
  confirmed: Checkpoint | undefined,
): void {
  const before = confirmed?.directories
    .get(notes.shown(dirName(one.path)))
    ?.logs?.find(([name]) => name === baseName(one.path))
  // What was confirmed like that has lost nothing since.
  const isNew = before?.[1] !== logSight(one)
  const lost = lostCommits(one, confirmed?.bootId === site.bootId && isNew)
  if (lost === null) return
  const log = one.beside.find(({ path, stat }) => path.endsWith('-wal') && stat.bytes > 0)
  const index = one.beside.find(({ path }) => path.endsWith('-shm'))
  const because = notes.found({
    kind: 'wal-gone-or-torn',
    severity: 'loses',
    path: `${one.path}-wal`,
    evidence: `${lost}: the newest commits cannot be read any more`,
    repair:
      'keep what is left of the log and its index: the database goes on from the last commit that can be read',
  })
  if (log !== undefined && one.log.is === 'log' && log.stat.bytes > one.log.bytes)
    notes.remedy(
      'sidecar',
      log.path,
      [because],
      spliced(log, [{ from: one.log.bytes, to: log.stat.bytes, put: '' }], log.stat),
    )
  if (index !== undefined)
    notes.remedy('sidecar', index.path, [because], { do: 'set-aside', found: index.stat })
}

/** What proves that commits were in the log that are not in it now; null where nothing does. */
function lostCommits({ log, index, beside }: DatabaseSeen, isWrittenInThisBoot: boolean): string | null {
  // A finding of its own.
  if (log.is === 'no-log') return null
  if (log.is === 'log' && log.lostCommits > 0)
    return `the log is torn behind frame ${log.frames}, and ${log.lostCommits} commits were written after that`
  const wal = beside.find(({ path }) => path.endsWith('-wal'))?.stat
  // One that was not gone through (too long) tells nothing.
  if (index === undefined || (log.is === 'empty' && (wal?.bytes ?? 0) > 0)) return null
  const isIndexOf = log.is === 'log' && log.salts === index.salts
  // Nobody syncs an index: after a power cut it may be of an earlier life than the log.
  if (!isIndexOf && !isWrittenInThisBoot) return null
  const frames = isIndexOf ? log.frames : 0
  if (Math.max(frames, index.folded) >= index.frames) return null
  const is =
    wal === undefined
      ? 'gone'
      : wal.bytes === 0
        ? 'empty'
        : isIndexOf
          ? `cut off at ${frames}`
          : 'another one'
  return `its index knows a log of ${index.frames} frames, ${index.folded} of them in the database, and that log is ${is}`
}

const isAlike = (one: Rows, other: Rows): boolean => JSON.stringify(one) === JSON.stringify(other)
type Rows = (Looked & { is: 'read' })['answers']
