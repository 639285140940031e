/**
 * Takes the lock. When somebody has it: by whom, and what follows?
 *
 * - A living supervisor has it: refused, and named.
 * - A dead supervisor's gateway has it (the descriptor was inherited): stopped gracefully, waited for, and its
 *   place taken. Only when the mark it left names a living process by pid, start time, boot and executable, or, when
 *   that supervisor was killed before it could name anybody, by the run that the process bears in its environment.
 * - Anything else is not understood, and refused: never a signal to a process that cannot be verified.
 *
 * What the gateway of a dead supervisor had started, and what others have adopted since, is ended too, before the
 * state is looked at: it bears the same run.
 */
import type { Clock } from '../host/clock.ts'
import { takeLock, type HeldLock, type Holder, type Lock } from '../host/lock.ts'
import type { Log } from '../host/log.ts'
import {
  bootId,
  carriersOf,
  describe,
  descendantsOf,
  exeOf,
  isAlive,
  openFilesOf,
  processes,
  rowOf,
  type Identity,
} from '../host/process-table.ts'
import { sendSignal, sendSignalToGroup } from '../host/send-signal.ts'
import { runVariable } from '../openclaw/launch.ts'
import { readOwed } from './owed.ts'
import { describeHolder, holderInWords } from './lock-holder.ts'
import { killMs, takeLockFromTheDying } from './lock-of-the-dying.ts'

export interface Refused {
  readonly is: 'refused'
  readonly evidence: string
  readonly command: string | null
}

export type Taken =
  | {
      readonly is: 'ours'
      readonly lock: HeldLock
      readonly tookOver: Identity | null
      /** What that one, or a gateway that ended unseen, had left behind and was ended: command lines. */
      readonly leftBehind: readonly string[]
    }
  | Refused
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
/** What the gateway left behind has so long to end by itself. */
const leftBehindMs = 3_000

export async function takeState(ask: TakeOver): Promise<Taken> {
  const owed = readOwed(ask.owedPath)
  /** Nobody has it, and there may still be what a gateway that ended unseen had started. */
  const takeFree = async (lock: Lock): Promise<Taken | undefined> =>
    lock.is === 'held' ? settled(lock, null, await endAll(() => leftOf(owed), ask)) : settled(lock, null, [])
  const takeFromTheDying = (): Promise<Lock> =>
    takeLockFromTheDying(ask.lockPath, ask.clock, () => ask.isInterrupted())
  const first = await takeFromTheDying()
  const answer = await takeFree(first)
  if (answer) return answer
  if (ask.isInterrupted()) return { is: 'interrupted' }
  const holder = first.is === 'taken' ? first.holder : null
  if (holder !== null && isAlive(holder)) return refusedFor(ask.lockPath, holder)
  const orphan = await orphanOf(owed, ask)
  if (orphan === null || !orphan.isVerified) {
    // Who had it may have ended between the two looks.
    const again = await takeFree(await takeFromTheDying())
    if (again) return again
  }
  if (orphan === null)
    return refused(
      `held by ${holderInWords(ask.lockPath, null)}, which left no mark: it cannot be verified, so it is not touched`,
    )
  const { child } = orphan
  const parent = rowOf(child.pid)?.ppid ?? 0
  // The lock's file could not be written, so it names nobody; but who started this gateway lives.
  if (openFilesOf(parent).includes(ask.lockPath)) return refusedFor(ask.lockPath, null)
  const seen = describe(child.pid)
  const who = seen === undefined ? `pid ${child.pid}` : describeHolder(seen)
  if (!orphan.isVerified)
    return refused(`held by ${who}, which cannot be verified as the gateway of a supervisor that is gone`)
  if (ask.orphan === 'refuse')
    return refused(`held by ${who}, the gateway of a supervisor that is gone (--orphan=refuse)`)

  ask.log.warn('taking over: stopping the gateway that an earlier supervisor left behind', { orphan: who })
  ask.taking(child)
  const family = new Map<number, Identity>()
  const meetFamily = (): void => {
    for (const row of familyOf(child)) family.set(row.pid, row)
  }
  meetFamily()
  const leftBehind: string[] = []
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
        // Some of them may hold the lock, too.
        leftBehind.push(...(await endAll(() => leftOf(owed, [...family.values()]), ask)))
        const lock = await takeLock(ask.lockPath)
        const taken = settled(lock, child, leftBehind)
        if (taken) return taken
        // Another start waited for the same, and was quicker.
        const winner = lock.is === 'taken' ? lock.holder : null
        if (winner !== null && isAlive(winner)) return refusedFor(ask.lockPath, winner)
      }
      await new Promise<void>((go) => void ask.clock.after(everyMs, go))
    }
  }
  return refused(`held by ${who}, which was told to end and did not`)
}

interface Orphan {
  readonly child: Identity
  readonly isVerified: boolean
}

/** A process that was just forked bears its run a moment later. */
const bornWithinMs = 2_000

async function orphanOf(
  owed: ReturnType<typeof readOwed>,
  { lockPath, clock }: TakeOver,
): Promise<Orphan | null> {
  if (owed === undefined || owed === 'unknown' || owed.bootId !== bootId()) return null
  const { child, run } = owed
  if (child !== null) {
    if (!isAlive(child)) return null
    // An update may have replaced the program meanwhile.
    const exe = exeOf(child.pid)?.replace(/ \(deleted\)$/, '')
    return { child, isVerified: child.exe !== null && exe === child.exe.replace(/ \(deleted\)$/, '') }
  }
  if (run === undefined) return null
  const until = clock.monotonicMs() + bornWithinMs
  do {
    const born = carriersOf(runVariable, run).find(
      ({ pid, group }) => group === pid && openFilesOf(pid).includes(lockPath),
    )
    if (born !== undefined) return { child: born, isVerified: true }
    await new Promise<void>((go) => void clock.after(everyMs, go))
  } while (clock.monotonicMs() < until)
  return null
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

/** Answers what they were. Bounded: what cannot be ended is told, not awaited for ever. */
async function endAll(find: () => readonly Identity[], ask: TakeOver): Promise<readonly string[]> {
  const { clock, log } = ask
  const found = find()
  const names = found.map(({ pid }) => describe(pid)?.command ?? `pid ${pid}`)
  if (found.length === 0) return []
  log.info('the gateway left processes behind: ending them', { processes: names.slice(0, 20) })
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const until = clock.monotonicMs() + Math.min(leftBehindMs, ask.patienceMs)
    for (const who of find()) sendSignal(who, signal)
    while (find().length > 0 && clock.monotonicMs() < until)
      await new Promise<void>((go) => void clock.after(everyMs, go))
  }
  const stuck = find().map(({ pid }) => pid)
  if (stuck.length > 0) log.warn('processes of the gateway could not be ended', { pids: stuck })
  return names
}

/** What bears the run of the mark, whoever's child it is by now, and of this family what is alive. */
function leftOf(owed: ReturnType<typeof readOwed>, family: readonly Identity[] = []): readonly Identity[] {
  const run = owed === undefined || owed === 'unknown' || owed.bootId !== bootId() ? undefined : owed.run
  const marked = run === undefined ? [] : carriersOf(runVariable, run)
  return [...marked, ...family.filter((one) => isAlive(one) && !marked.some(({ pid }) => pid === one.pid))]
}

/** What this lock means in the end; undefined while somebody else has it. */
function settled(lock: Lock, tookOver: Identity | null, leftBehind: readonly string[]): Taken | undefined {
  if (lock.is === 'taken') return undefined
  if (lock.is === 'unavailable') return withoutLock(lock.why)
  return { is: 'ours', lock, tookOver, leftBehind }
}

export const refusedFor = (lockPath: string, holder: Holder | null): Refused =>
  refused(`held by another supervise: ${holderInWords(lockPath, holder)}`)

const refused = (why: string): Refused => ({
  is: 'refused',
  evidence: `the state directory is ${why}`,
  command: 'supervise status',
})

export const withoutLock = (why: string): Refused => ({
  is: 'refused',
  evidence: `the state directory cannot be locked: ${why}`,
  command: null,
})
