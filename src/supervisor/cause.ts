/** Why the gateway ended, in the words of its own log, where it says something. */
import { localDate, systemClock as clock } from '../host/clock.ts'
import { readTail } from '../host/own-files.ts'
import { firstExisting } from '../host/paths.ts'
import { causeIn, logFilesOf, type LogPlace } from '../openclaw/gateway-log.ts'

/** An error that ends a gateway is among its last words. */
const mostBytes = 64 * 1024

export function causeSince(sinceMs: number, place: LogPlace): string | null {
  try {
    const paths = logFilesOf(place, localDate(clock.wallMs()))
    const path = firstExisting(paths) ?? paths[0]!
    return causeIn(readTail(path, mostBytes).toString('utf8'), sinceMs)
  } catch {
    // A log that may not be read explains nothing; the exit status remains.
    return null
  }
}
