/**
 * The lock on the state, as a supervisor holds it: always, but while it is held back and waits for a person, who then
 * can repair. Nothing of the gateway's is read, changed or started without it.
 */
import { systemClock as clock } from '../host/clock.ts'
import { DiskError } from '../host/disk.ts'
import type { HeldLock } from '../host/lock.ts'
import { takeLockFromTheDying } from './lock-of-the-dying.ts'
import { refusedFor, withoutLock, type Refused } from './take-over.ts'

export interface StateLock {
  /** For the child to inherit. */
  fd(): number
  letGo(): void
  /** Has it again, or says who has it. */
  regain(): Promise<Refused | null>
}

export function openStateLock(path: string, first: HeldLock): StateLock {
  let lock: HeldLock | null = first
  return {
    fd() {
      if (lock === null) throw new Error('a gateway would be started without the lock on its state')
      return lock.fd
    },
    letGo() {
      lock?.release()
      lock = null
    },
    async regain() {
      if (lock !== null) return null
      const answer = await takeLockFromTheDying(path, clock).catch((error: unknown) => {
        if (error instanceof DiskError) return { is: 'unavailable', why: error.message } as const
        throw error
      })
      if (answer.is === 'taken') return refusedFor(path, answer.holder)
      if (answer.is === 'unavailable') return withoutLock(answer.why)
      lock = answer
      return null
    },
  }
}
