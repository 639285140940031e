/** Why the gateway ended, in the words of its own log, where it says something. */
import { localDate, systemClock as clock } from '../host/clock.ts'
import { readTail } from '../host/own-files.ts'
import { causeIn, logFileOf } from '../openclaw/gateway-log.ts'

/** An error that ends a gateway is among its last words. */
const mostBytes = 64 * 1024

export function causeSince(sinceMs: number, configured: string | null): string | null {
  try {
    const path = logFileOf(configured, localDate(clock.wallMs()))
    return causeIn(readTail(path, mostBytes).toString('utf8'), sinceMs)
  } catch {
    // A log that may not be read explains nothing; the exit status remains.
    return null
  }
}
