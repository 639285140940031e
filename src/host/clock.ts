/**
 * What time is it, and wake me later.
 *
 * `monotonicMs` counts from the boot of the machine (CLOCK_MONOTONIC), so two processes of one boot read the
 * same clock: a budget or a deadline written down by one supervisor means the same to the next, together with
 * the boot id. It stands still while the machine sleeps. `wallMs` is for people and files only: it jumps, and
 * nothing here waits by it.
 *
 * 1. A timer never fires before its time on the monotonic clock has come.
 * 2. No change of the wall clock makes a timer fire earlier or later.
 */

export interface Clock {
  monotonicMs(): number
  /** ms since the epoch. */
  wallMs(): number
  /** Calls `fire` once, `ms` from now; the answer cancels it. A wait for ever is `Infinity`. */
  after(ms: number, fire: () => void): () => void
}

/** Node fires at once what is asked to wait longer than this. */
const longestTimerMs = 2 ** 31 - 1

const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

export const systemClock: Clock = {
  monotonicMs,
  wallMs: () => Date.now(),
  after(ms, fire) {
    const due = monotonicMs() + ms
    let timer: NodeJS.Timeout
    const wait = (): void => {
      const leftMs = due - monotonicMs()
      if (leftMs <= 0) fire()
      else timer = setTimeout(wait, Math.min(Math.ceil(leftMs), longestTimerMs))
    }
    timer = setTimeout(wait, Math.min(Math.max(Math.ceil(ms), 0), longestTimerMs))
    return () => clearTimeout(timer)
  },
}

/** YYYY-MM-DD where this machine is. */
export const localDate = (wallMs: number): string => {
  const at = new Date(wallMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}
