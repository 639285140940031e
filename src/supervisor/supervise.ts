/**
 * The front door of this room: takes the state directory, and keeps a gateway on it until told to stop.
 *
 * It never starts a gateway on a state that was not confirmed consistent since the last one was gone, and never
 * beside another one. Everything it decides is decided in lifecycle/; here the parts are put together: the debt of a
 * recovery (debt.ts), the births of children (births.ts), and who tells what becomes of them (teller.ts).
 */
import { adoptOrphans } from '../host/orphans.ts'
import { systemClock as clock } from '../host/clock.ts'
import { DiskError } from '../host/disk.ts'
import type { Log } from '../host/log.ts'
import type { Notifier } from '../host/notify.ts'
import type { Lock } from '../host/lock.ts'
import { ensureFolder } from '../host/own-files.ts'
import { ownIdentity } from '../host/process-table.ts'
import { keptSignals, listenForSignals } from '../host/signals.ts'
import { openAnnouncer } from './announcer.ts'
import { openBirths } from './births.ts'
import { openDebt } from './debt.ts'
import { noHttp, openHttp } from './http.ts'
import { takeLockFromTheDying } from './lock-of-the-dying.ts'
import { lastRunBefore, lastRunOf } from './last-run.ts'
import { runLoop, type Left, type Order, type World } from './loop.ts'
import { ownPaths } from './own-paths.ts'
import type { Settings } from './settings.ts'
import { readStatusFile } from './status.ts'
import { openStateLock } from './state-lock.ts'
import { carriedOver, newStatus, takingOver } from './status-of.ts'
import { refusedFor, takeState, withoutLock } from './take-over.ts'
import { openTeller } from './teller.ts'

export type Supervised =
  | {
      readonly is: 'left'
      readonly because: Left
      readonly evidence: string | null
      readonly command: string | null
    }
  /** Somebody else has the state; nothing was touched. */
  | { readonly is: 'refused'; readonly evidence: string; readonly command: string | null }
  | { readonly is: 'not-a-state'; readonly evidence: string }
  /** Our own folder or a lock in it cannot be made or written. */
  | CannotBegin
  | { readonly is: 'interrupted' }

interface CannotBegin {
  readonly is: 'cannot-begin'
  readonly evidence: string
  readonly command: string | null
  readonly canPass: boolean
}

export async function supervise(
  settings: Settings,
  notifier: Notifier,
  log: Log,
  ownVersion: string,
): Promise<Supervised> {
  const { stateDir } = settings
  const paths = ownPaths(stateDir)
  if (!settings.isState && settings.recovery.unknownStore === 'hold')
    return {
      is: 'not-a-state',
      evidence: `${JSON.stringify(stateDir)} is no state directory of OpenClaw: name the right one with --state-dir, or start all the same with --unknown-store=start`,
    }
  const written = readStatusFile(paths.status)
  if (written.is === 'newer')
    return { is: 'cannot-begin', evidence: written.why, command: null, canPass: false }
  let http = noHttp
  let stopReaping = (): void => {}
  let presence: Lock | CannotBegin | undefined
  const announcer = openAnnouncer(notifier, (ms, fire) => clock.after(ms, fire))
  try {
    const hindrance = tryToBegin(paths.folder)
    if (hindrance !== null) return hindrance
    presence = await orWhyNot(takeLockFromTheDying(paths.supervisorLock, clock))
    if (presence.is === 'cannot-begin') return presence
    if (presence.is === 'taken') return refusedFor(paths.supervisorLock, presence.holder)
    if (presence.is === 'unavailable') return withoutLock(presence.why)
    const own = ownIdentity()
    if (settings.http !== null) {
      const opened = await openHttp(settings.http, clock, log)
      if (opened.is === 'failed') {
        const { evidence, command, canPass } = opened
        return { is: 'cannot-begin', evidence, command, canPass }
      }
      http = opened.http
    }
    const adoption = await adoptOrphans()
    const orphans = adoption.is === 'adopting' ? adoption.orphans : undefined
    stopReaping = orphans?.keepReaping() ?? stopReaping
    if (adoption.is === 'unavailable')
      log.warn('what the gateway leaves behind cannot be found', { why: adoption.why })

    const before = written.is === 'known' ? written.status : null
    const first = newStatus(settings, own, ownVersion, before)
    const teller = openTeller(first, settings, paths, announcer, http, log)
    let wasOrphan = false
    const taken = await orWhyNot(
      takeState({
        lockPath: paths.lock,
        owedPath: paths.owed,
        orphan: settings.orphan,
        patienceMs: settings.lifecycle.stopTimeoutMs,
        clock,
        log: log.with({ phase: 'taking-over', child: 0 }),
        isInterrupted: () => keptSignals().some((signal) => signal !== 'SIGHUP'),
        taking: (orphan) => {
          wasOrphan = true
          teller.publish(takingOver(orphan, before, clock.wallMs()))
          announcer.status(`stopping pid ${orphan.pid}, left behind by an earlier supervisor`)
          announcer.allow(settings.lifecycle.stopTimeoutMs)
        },
      }),
    )
    if (taken.is !== 'ours') {
      if (wasOrphan) teller.publish({ supervisor: null })
      await teller.close()
      return taken
    }
    if (taken.lock.warning !== undefined) teller.log.warn(taken.lock.warning)

    const lock = openStateLock(paths.lock, taken.lock)
    const debt = openDebt(settings, paths, lock, teller)
    debt.learn(lastRunBefore(before, own, wasOrphan, clock.wallMs()))
    const births = openBirths(settings, { lock, orphans, debt, teller, http })
    const world: World = {
      now: () => clock.monotonicMs(),
      chance: Math.random,
      after: (ms, fire) => clock.after(ms, fire),
      recover: (trigger, signal) => debt.recover(trigger, signal),
      spawn: births.spawn,
      announce: (what) => teller.announce(what),
      changed: (to, event, from) => {
        if (event?.type === 'exited' && from !== undefined) debt.learn(lastRunOf(from, event))
        teller.changed(to, event, from, births.lastEnd())
        // No child, no recovery: whoever mends the state now may have it.
        if (to.phase === 'held' && settings.lifecycle.onHold === 'wait') debt.letGo()
      },
    }
    const command = [settings.command.file, ...settings.command.args].join(' ')
    teller.record({ event: 'supervising', child: 0, pid: own.pid, command })
    const { tookOver, leftBehind } = taken
    if (tookOver !== null || leftBehind.length > 0)
      teller.record({ event: 'took-over', child: 0, pid: tookOver?.pid ?? null, leftBehind })
    const left = await runLoop(world, settings.lifecycle, carriedOver(before), (order) =>
      listenForSignals((signal) => {
        const given: Order = signal === 'SIGHUP' ? 'restart' : 'stop'
        teller.log.info(`ordered to ${given}`, { signal })
        teller.record({ event: 'ordered', child: teller.number(), order: given })
        order(given)
      }),
    )
    await debt.settle(left)
    const { hold } = teller.status()
    teller.record({ event: 'left', child: teller.number(), because: left })
    teller.publish({ supervisor: null })
    await teller.close()
    return { is: 'left', because: left, evidence: hold?.evidence ?? null, command: hold?.command ?? null }
  } finally {
    announcer.close()
    stopReaping()
    if (presence?.is === 'held') presence.release()
    await http.close()
  }
}

function tryToBegin(folder: string): CannotBegin | null {
  try {
    ensureFolder(folder)
    return null
  } catch (error) {
    const code = codeOf(error)
    const evidence = `cannot make ${JSON.stringify(folder)}: ${code}`
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR')
      return {
        is: 'cannot-begin',
        evidence,
        command: `ls -ld ${JSON.stringify(folder)} ${JSON.stringify(folder)}/..`,
        canPass: false,
      }
    return { is: 'cannot-begin', evidence, command: `df ${JSON.stringify(folder)}/..`, canPass: true }
  }
}

/** A lock that cannot be opened: something else lies there, or the disk does not let us. */
async function orWhyNot<T>(taking: Promise<T>): Promise<T | CannotBegin> {
  try {
    return await taking
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    const { message: evidence, path, canPass } = error
    return { is: 'cannot-begin', evidence, command: `ls -ld ${JSON.stringify(path)}`, canPass }
  }
}

/** The system's word, wherever in the chain of causes it stands. */
function codeOf(error: unknown): string {
  for (
    let one = error as (NodeJS.ErrnoException & { cause?: unknown }) | undefined;
    one !== undefined;
    one = one.cause as typeof one
  )
    if (typeof one.code === 'string') return one.code
  return String(error)
}
