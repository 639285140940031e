/**
 * A log that a repair of ours set aside for a database that it then did not replace: another program touched that in
 * between. (Or an undo brought the database back, and not the log.) The database is what it was, and the newest commits
 * are in no log that stands beside it.
 */
import type { FileStat } from '../../host/disk.ts'
import type { DatabaseSeen } from '../database-file.ts'
import type { Eyes } from '../eyes.ts'
import type { Fingerprint, Step } from '../finding.ts'
import { sight } from '../fingerprint.ts'
import type { Repair } from '../journal.ts'
import { spliced } from '../notebook.ts'
import { keptFolder, nameOf, pathOf } from '../places.ts'
import type { Site } from '../site.ts'

/** Whether it comes back: what is in the database is then to be looked for with it. */
export async function putBackLog(
  { site, notes }: Eyes,
  one: DatabaseSeen,
  repairs: () => Promise<readonly Repair[]>,
): Promise<boolean> {
  const path = `${one.path}-wal`
  const standing = one.beside.find((each) => each.path === path)?.stat
  if (one.stat === null || one.stat.bytes === 0 || (standing !== undefined && standing.bytes > 0))
    return false
  const names = { database: nameOf(site, one.path), log: nameOf(site, path) }
  const last = (await repairs()).findLast(({ steps }) => steps.some((step) => step.path === names.log))
  const taken = last?.end?.outcome === 'abandoned' ? takenAway(site, last, names) : undefined
  if (taken === undefined) return false
  const kept = await sight(site.disk, taken.keptAs)
  if (kept.stat?.kind !== 'file' || kept.fingerprint !== taken.log) return false
  const evidence = `${kept.stat.bytes} bytes, set aside by repair ${last!.id}, which was given up before it came to the database`
  if ((await sight(site.disk, one.path)).fingerprint !== taken.beside) {
    notes.found({
      kind: 'wal-gone-or-torn',
      severity: 'benign',
      path,
      evidence: `${evidence}. That was changed by another program, so that the log is not of it any more: what only the log had is in ${nameOf(site, taken.keptAs)}`,
      repair: null,
    })
    return false
  }
  const because = notes.found({
    kind: 'wal-gone-or-torn',
    severity: 'loses',
    path,
    evidence: `${evidence}: the newest commits are in no log that stands beside it`,
    repair: 'put it back',
  })
  notes.remedy('content', path, [because], putBack(taken.keptAs, kept.stat, standing))
  return true
}

const putBack = (path: string, stat: FileStat, standing: FileStat | undefined) => ({
  ...spliced({ path, stat }, [], standing ?? null),
  mode: stat.mode,
  mtimeMs: stat.mtimeMs,
})

interface Taken {
  readonly keptAs: string
  readonly log: Fingerprint
  /** What the database held that it belongs to. */
  readonly beside: Fingerprint
}

function takenAway(
  site: Site,
  { id, steps, end }: Repair,
  names: { readonly database: string; readonly log: string },
): Taken | undefined {
  const lastOf = (name: string): number => steps.findLastIndex(({ path }) => path === name)
  const [n, m] = [lastOf(names.log), lastOf(names.database)]
  const [log, database]: (Step | undefined)[] = [steps[n], steps[m]]
  if (log === undefined || database === undefined) return undefined
  const isTaken = (step: number): boolean => step < end!.done
  if (log.change.do === 'set-aside' && isTaken(n) && !isTaken(m))
    return { keptAs: `${keptFolder(site, id)}/${n}`, log: log.before, beside: database.before }
  if (log.change.do === 'put-back' && !isTaken(n) && isTaken(m))
    return { keptAs: pathOf(site, log.change.from), log: log.after, beside: database.after }
  return undefined
}
