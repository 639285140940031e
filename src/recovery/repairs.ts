/** The history of repairs: what each one changed, where the bytes are, and which of them still stands. */
import { DiskError } from '../host/disk.ts'
import { Distrusted } from './distrust.ts'
import type { Kind } from './finding.ts'
import { didIn, newestAt, readRepairs, type Repair } from './journal.ts'
import type { Site } from './site.ts'
import type { RepairRecord } from './verdict.ts'

/** Oldest first. */
export async function repairs(site: Site): Promise<readonly RepairRecord[]> {
  const all = await readRepairs(site)
  return all.map((repair) => {
    const kept = [...repair.kept.values()]
    return {
      id: repair.id,
      at: repair.at,
      trigger: repair.trigger,
      undoes: repair.undoes,
      kinds: kindsOf(repair),
      kept,
      did: didIn(repair),
      keptBytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
      state: stateOf(repair, all),
    }
  })
}

/**
 * Was anything changed since then (ms; null for ever), by whoever asked for it, `repair` and `undo` by hand included?
 * Where it cannot be told, it may have been.
 */
export async function isMendedSince(site: Site, since: number | null): Promise<boolean> {
  try {
    const at = await newestAt(site)
    // Of one second: it may have been later.
    return at !== undefined && (since === null || at >= Math.floor(since / 1000) * 1000)
  } catch (error) {
    if (error instanceof DiskError || error instanceof Distrusted) return true
    throw error
  }
}

function stateOf(repair: Repair, all: readonly Repair[]): RepairRecord['state'] {
  if (repair.end === undefined) return 'cut-short'
  if (undoneBy(repair, all) !== undefined) return 'undone'
  return repair.end.outcome === 'abandoned' ? 'abandoned' : 'done'
}

/** The undo that stands, if there is one: an undo can be undone. */
export function undoneBy(repair: Repair, all: readonly Repair[]): Repair | undefined {
  return all.find(
    (other) =>
      other.undoes === repair.id && other.end?.outcome === 'confirmed' && undoneBy(other, all) === undefined,
  )
}

function kindsOf(repair: Repair): RepairRecord['kinds'] {
  const counts = new Map<Kind, Set<string>>()
  for (const { kind, path } of repair.steps.flatMap((step) => step.because))
    counts.set(kind, (counts.get(kind) ?? new Set()).add(path))
  return [...counts].map(([kind, paths]) => ({ kind, count: paths.size }))
}
