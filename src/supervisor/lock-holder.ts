/** Who has a lock, in one grammar: pid, command, user, unit, when it started, and since when it holds. */
import type { Holder } from '../host/lock.ts'
import { describe, isAlive, openFilesOf, pids, type Description } from '../host/process-table.ts'

export const describeHolder = ({ pid, command, user, unit }: Description): string =>
  `pid ${pid} (${command}, user ${user}${unit === undefined ? '' : `, unit ${unit.name}`})`

const iso = (ms: number): string => new Date(ms).toISOString()
const withStart = (who: Description): string => `${describeHolder(who)}, started ${iso(who.startedAtMs)}`

/** Who wrote its name there, while that one lives; else whoever has the file open; else what was written. */
export function holderInWords(lockPath: string, holder: Holder | null): string {
  const named = holder !== null && isAlive(holder) ? describe(holder.pid) : undefined
  if (holder !== null && named !== undefined)
    return `${withStart(named)}, holding it since ${iso(holder.since)}`
  const seen = openersOf(lockPath)
    .flatMap((pid) => describe(pid) ?? [])
    .map(withStart)
  if (seen.length > 0) return seen.join(' and ')
  if (holder === null) return 'a process that cannot be seen'
  // Of another user, or in another container.
  const { pid, command, unit, since } = holder
  return `a process that cannot be seen; the last that wrote its name was pid ${pid} (${command}${unit === undefined ? '' : `, unit ${unit}`}), since ${iso(since)}`
}

/** Who has the file open, as far as may be seen. */
export const openersOf = (lockPath: string): number[] =>
  pids().filter((pid) => pid !== process.pid && openFilesOf(pid).includes(lockPath))
