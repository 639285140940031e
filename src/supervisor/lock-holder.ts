/** Who has a lock, in one grammar: pid, command, user, unit, when it started, and since when it holds. */
import type { Clock } from '../host/clock.ts'
import { takeLock, type Holder, type Lock } from '../host/lock.ts'
import { describe, exeOf, isAlive, openFilesOf, pids, type Description } from '../host/process-table.ts'

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

const openersOf = (lockPath: string): number[] =>
  pids().filter((pid) => pid !== process.pid && openFilesOf(pid).includes(lockPath))

/** What was killed is gone within this, or is stuck in the kernel. */
export const killMs = 10_000
const everyMs = 50

/**
 * What was killed with many threads and much memory has its lock for a moment longer than anything is seen of it: it is
 * waited for. Whoever is seen to live with it is answered at once.
 */
export async function takeLockFromTheDying(
  lockPath: string,
  clock: Clock,
  isInterrupted: () => boolean = () => false,
): Promise<Lock> {
  const until = clock.monotonicMs() + killMs
  for (;;) {
    const lock = await takeLock(lockPath)
    if (lock.is !== 'taken' || (lock.holder !== null && isAlive(lock.holder))) return lock
    const isSeen = openersOf(lockPath).some((pid) => exeOf(pid) !== undefined)
    if (isSeen || clock.monotonicMs() >= until || isInterrupted()) return lock
    await new Promise<void>((go) => void clock.after(everyMs, go))
  }
}
