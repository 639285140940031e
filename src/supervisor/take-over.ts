/**
 * The lock is taken: by whom, and what follows?
 *
 * - A living supervisor has it: refused, and named.
 * - A dead supervisor's gateway has it (the descriptor was inherited): stopped gracefully, waited for, and its
 *   place taken. Only when the mark it left names a living process by pid, start time, boot and executable.
 * - Anything else is not understood, and refused: never a signal to a process that cannot be verified.
 */
import type { Clock } from '../host/clock.ts'
import { takeLock, type Holder, type Lock } from '../host/lock.ts'
import type { Log } from '../host/log.ts'
import {
  describe,
  descendantsOf,
  exeOf,
  isAlive,
  openFilesOf,
  ownIdentity,
  pids,
  processes,
  type Identity,
} from '../host/process-table.ts'
import { sendSignal, sendSignalToGroup } from '../host/send-signal.ts'
import { readOwed } from './owed.ts'
import { describeHolder } from './port-sight.ts'

export type Taken =
  | {
      readonly is: 'ours'
      readonly lockFd: number
      readonly warning: string | null
      readonly tookOver: Identity | null
    }
  | { readonly is: 'refused'; readonly evidence: string; readonly command: string | null }
  /** A stop was ordered meanwhile. */
  | { readonly is: 'interrupted' }

export interface TakeOver {
  readonly lockPath: string
  readonly owedPath: string
  readonly orphan: 'stop' | 'refuse'
  /** From SIGTERM to SIGKILL. */
  readonly patienceMs: number
  readonly clock: Clock
  readonly log: Log
  isInterrupted(): boolean
  /** Before an orphan is stopped: what is about to take time. */
  taking(orphan: Identity): void
}

const everyMs = 50
/** What SIGKILL ended is gone from the table within this, or is stuck in the kernel. */
const killMs = 10_000
/** What the gateway left behind has so long to end by itself. */
const leftBehindMs = 3_000

export async function takeState(ask: TakeOver): Promise<Taken> {
  const first = await takeLock(ask.lockPath)
  const answer = settled(first, null)
  if (answer) return answer
  const holder = first.is === 'taken' ? first.holder : null
  if (holder !== null && isAlive(holder))
    return refused(`held by another supervise: ${describeSupervisor(holder)}`)
  const owed = readOwed(ask.owedPath)
  const child = owed === undefined || owed === 'unknown' ? null : owed.child
  if (child === null || !isAlive(child)) {
    // Who had it may have ended between the two looks.
    const again = settled(await takeLock(ask.lockPath), null)
    return (
      again ??
      refused(
        `its lock is held by ${whoHas(ask.lockPath)}, which left no mark: it cannot be verified, so it is not touched`,
      )
    )
  }
  const seen = describe(child.pid)
  const who = seen === undefined ? `pid ${child.pid}` : describeHolder(seen)
  if (child.exe === null || exeOf(child.pid) !== child.exe)
    return refused(`${who} holds its lock and cannot be verified as the gateway of a supervisor that is gone`)
  if (ask.orphan === 'refuse')
    return refused(`${who}, the gateway of a supervisor that is gone, still runs (--orphan=refuse)`)

  ask.log.warn('taking over: stopping the gateway that an earlier supervisor left behind', { orphan: who })
  ask.taking(child)
  const family = new Map<number, Identity>()
  const meetFamily = (): void => {
    for (const row of familyOf(child)) family.set(row.pid, row)
  }
  meetFamily()
  for (const [signal, withinMs] of [
    ['SIGTERM', ask.patienceMs],
    ['SIGKILL', killMs],
  ] as const) {
    if (isAlive(child)) sendSignalToGroup(child, signal)
    const until = ask.clock.monotonicMs() + withinMs
    while (ask.clock.monotonicMs() < until) {
      if (ask.isInterrupted()) return { is: 'interrupted' }
      if (isAlive(child)) meetFamily()
      else {
        await endAll([...family.values()], ask)
        const lock = await takeLock(ask.lockPath)
        const taken = settled(lock, child)
        if (taken) return taken
        // Another start waited for the same, and was quicker.
        const winner = lock.is === 'taken' ? lock.holder : null
        if (winner !== null && isAlive(winner))
          return refused(`held by another supervise: ${describeSupervisor(winner)}`)
      }
      await new Promise<void>((go) => void ask.clock.after(everyMs, go))
    }
  }
  return refused(`${who} was told to end and still holds its lock`)
}

/** Whoever has the file open, for a person to look at. */
const whoHas = (lockPath: string): string => {
  const holders = pids().filter((pid) => pid !== ownIdentity().pid && openFilesOf(pid).includes(lockPath))
  return (
    holders
      .map((pid) => describe(pid))
      .flatMap((who) => (who ? describeHolder(who) : []))
      .join(' and ') || 'a process that cannot be seen'
  )
}

/** What it started, and what of that moved to a session of its own: it would go on writing to the state. */
function familyOf(orphan: Identity): readonly Identity[] {
  const table = processes()
  const below = new Set(descendantsOf(orphan.pid, table).map((row) => row.pid))
  return table.filter(
    (row) =>
      row.pid !== orphan.pid &&
      !row.zombie &&
      (below.has(row.pid) || row.group === orphan.pid || row.session === orphan.pid),
  )
}

/** Bounded: what cannot be ended is told, not awaited for ever. */
async function endAll(family: readonly Identity[], { clock, log }: TakeOver): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const left = family.filter(isAlive)
    if (left.length === 0) return
    log.info('the gateway left processes behind: ending them', { pids: left.map(({ pid }) => pid), signal })
    for (const who of left) sendSignal(who, signal)
    const until = clock.monotonicMs() + leftBehindMs
    while (family.some(isAlive) && clock.monotonicMs() < until)
      await new Promise<void>((go) => void clock.after(everyMs, go))
  }
  const stuck = family.filter(isAlive).map(({ pid }) => pid)
  if (stuck.length > 0) log.warn('processes of the gateway could not be ended', { pids: stuck })
}

function settled(lock: Lock, tookOver: Identity | null): Taken | undefined {
  if (lock.is === 'held') return { is: 'ours', lockFd: lock.fd, warning: lock.warning ?? null, tookOver }
  if (lock.is === 'unavailable')
    return { is: 'refused', evidence: `the state directory cannot be locked: ${lock.why}`, command: null }
  return undefined
}

const describeSupervisor = ({ pid, command, since, unit }: Holder): string =>
  `pid ${pid} (${command}${unit === undefined ? '' : `, unit ${unit}`}), since ${new Date(since).toISOString()}`

const refused = (why: string): Taken => ({
  is: 'refused',
  evidence: `the state directory is ${why}`,
  command: 'supervise status',
})
