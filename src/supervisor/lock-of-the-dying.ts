/**
 * What was killed with many threads and much memory has its lock for a moment longer than anything is seen of it: it is
 * waited for. Whoever is seen to live with it is answered at once.
 */
import type { Clock } from '../host/clock.ts'
import { takeLock, type Lock } from '../host/lock.ts'
import { exeOf, isAlive } from '../host/process-table.ts'
import { openersOf } from './lock-holder.ts'

/** What was killed is gone within this, or is stuck in the kernel. */
export const killMs = 10_000
const everyMs = 50

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
