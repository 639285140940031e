/**
 * What the gateway's tools left behind when they moved out of its group and session: as a subreaper (or as PID 1)
 * this process becomes the parent of each such process whose own parent ends, and so can find them, end them
 * (send-signal.ts), and take their zombies off the process table.
 *
 * 1. Node's own children are never reaped here: Node must see how they end.
 */
import { isStartedByUs } from './child.ts'
import { processes, type ProcessRow } from './process-table.ts'
import { loadSyscalls } from './syscalls.ts'

export type Adoption =
  | { readonly is: 'adopting'; readonly orphans: Orphans }
  | { readonly is: 'unavailable'; readonly why: string }

export interface Orphans {
  /** Those alive now; each may have descendants of its own. */
  alive(): ProcessRow[]
  /** How many zombies were taken off. */
  reap(): number
  /** From now on, soon after each end of a child: what PID 1 owes. The answer stops it. */
  keepReaping(): () => void
}

/** Ends that come in a flood are answered together. */
const reapWithinMs = 200

/** The kernel hands new orphans over from now on. */
export const adoptOrphans = async (): Promise<Adoption> => {
  const loaded = await loadSyscalls()
  if (loaded.is === 'unavailable') return loaded
  const { calls } = loaded
  calls.becomeSubreaper()
  const adopted = (): ProcessRow[] =>
    processes().filter((row) => row.ppid === process.pid && !isStartedByUs(row.pid))
  const reap = (): number => adopted().filter((row) => row.zombie && calls.reap(row.pid)).length
  return {
    is: 'adopting',
    orphans: {
      keepReaping() {
        let due: NodeJS.Timeout | undefined
        const soon = (): void => {
          due ??= setTimeout(() => {
            due = undefined
            reap()
          }, reapWithinMs)
        }
        process.on('SIGCHLD', soon)
        return () => {
          process.off('SIGCHLD', soon)
          clearTimeout(due)
        }
      },
      alive: () => adopted().filter((row) => !row.zombie),
      reap,
    },
  }
}
