/** What is done to a database, however it came to that: mended, restored, and its log and index set aside first. */
import type { Joining } from '../../host/sqlite-join.ts'
import { jsonColumns, parents, smallest, vital } from '../../openclaw/databases.ts'
import type { DatabaseSeen } from '../database-file.ts'
import type { Snapshot } from '../database-snapshots.ts'
import type { Eyes } from '../eyes.ts'
import { isoOf } from '../iso.ts'
import { spliced } from '../notebook.ts'
import type { Because } from '../seen.ts'

export function mendDatabase(
  { notes, site }: Eyes,
  one: DatabaseSeen,
  snapshot: Snapshot | null,
  because: readonly Because[],
  join?: Joining,
): void {
  const { databases } = site
  if (databases === undefined || one.stat === null) return
  asideBeside(notes, one, because)
  notes.remedy('content', one.path, because, {
    do: 'make',
    found: one.stat,
    mode: one.stat.mode,
    make: async () =>
      await databases.mend(one.path, {
        snapshot: snapshot?.path ?? null,
        json: jsonColumns[one.role].map((each) => ({ ...each, instead: smallest[each.table]! })),
        vital: vital[one.role],
        parents: parents[one.role],
        ...(join !== undefined && { join }),
      }),
  })
}

export function restoreDatabase(
  { notes }: Eyes,
  one: DatabaseSeen,
  snapshot: Snapshot,
  because: Because,
): void {
  asideBeside(notes, one, [because])
  notes.remedy('content', one.path, [because], spliced(snapshot, [], one.stat))
}

/** First, and for good: an old log beside a new database is folded into it, and destroys it. */
export function asideBeside(notes: Eyes['notes'], one: DatabaseSeen, because: readonly Because[]): void {
  for (const { path, stat } of one.beside)
    notes.remedy('sidecar', path, because, { do: 'set-aside', found: stat })
}

export const restoring = (snapshot: Snapshot): string =>
  `restore the snapshot of ${isoOf(snapshot.takenAt)} (${snapshot.stat.bytes} bytes)`
