/**
 * What the service manager is told (sd_notify), and when:
 *
 *   recovering, starting, ending   STATUS=, and EXTEND_TIMEOUT_USEC= renewed only while there is progress
 *   seen ready                     READY=1
 *   leaving                        STOPPING=1 once
 *   watchdog                       WATCHDOG=1 at half its time, only from a turn of the real loop
 */
import type { Notifier } from '../host/notify.ts'

export interface Announcer {
  status(text: string): void
  ready(text: string): void
  stopping(withinMs: number): void
  /** What goes on now may take this long, from now. */
  allow(ms: number): void
  close(): void
}

/** So that the limit is not hit by the instant it takes to say that it should not be. */
const marginMs = 5_000

export function openAnnouncer(
  notifier: Notifier,
  after: (ms: number, fire: () => void) => () => void,
): Announcer {
  let isStopping = false
  let stopBeating = (): void => {}
  const beat = (): void => {
    notifier.notify({ watchdog: true })
    stopBeating = after(notifier.watchdogMs! / 2, beat)
  }
  if (notifier.watchdogMs !== undefined) beat()
  return {
    status: (status) => void notifier.notify({ status }),
    ready: (status) => void notifier.notify({ ready: true, status }),
    stopping(withinMs) {
      if (isStopping) return
      isStopping = true
      notifier.notify({ stopping: true, extendTimeoutMs: withinMs + marginMs })
    },
    allow: (ms) => void notifier.notify({ extendTimeoutMs: ms + marginMs }),
    close() {
      stopBeating()
      notifier.close()
    },
  }
}
