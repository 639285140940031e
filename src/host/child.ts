/**
 * Starts the gateway, and says how it ended.
 *
 * The child leads a session and a process group of its own, without a terminal: Ctrl-C in a terminal reaches the
 * supervisor only, and what the child leaves behind can be found by its group.  Its standard input is empty, its
 * output is ours, untouched: it goes on writing there when the supervisor is killed, where a pipe would break.  (That
 * of a command which is asked for an answer is a pipe.)
 *
 * 1. Nothing of ours reaches the child but what is named in the command: environment, folder, one descriptor.
 * 2. The child is not ended because this process ends: the lock it inherited says that it lives.
 * 3. A signal never becomes a number. Node itself reports a child that was ended by a real-time signal as exit
 *    status 0, and never says whether there was a core dump; so the kernel is asked, where its calls load.
 * 4. `exited` never rejects.
 */
import { constants } from 'node:os'
import { identityOf, isAlive, processes, type Identity } from './process-table.ts'
import { sendSignalToGroup, type Signalled } from './send-signal.ts'
import { loadSyscalls } from './syscalls.ts'
import { whyNotStarted } from './why-not-started.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  /** All of it: nothing is added. */
  readonly env: Readonly<Record<string, string>>
  /** Becomes descriptor 3 of the child, which is /dev/null without one. */
  readonly lockFd?: number
  /** Its standard output is read, so far, instead of being ours; beyond that it is ended. */
  readonly readUpTo?: number
}

export type Exit =
  | { readonly by: 'code'; readonly code: number }
  | { readonly by: 'signal'; readonly signal: string; readonly coreDumped: boolean }

export interface Child {
  readonly identity: Identity
  readonly exited: Promise<Exit>
  /** What it wrote to its standard output, where that is read; never rejects. */
  readonly printed: Promise<string>
  /** To the whole group, also when the leader is gone and others remain. */
  kill(signal: NodeJS.Signals): Signalled
  /** Who of its group and session is alive now, itself not counted. */
  remaining(): Identity[]
}

export type Start =
  | ({ readonly is: 'started' } & Child)
  | { readonly is: 'failed'; readonly code: string; readonly why: string }

/** Those that Node started and will reap itself: nobody else may. */
const started = new Set<number>()
export const isStartedByUs = (pid: number): boolean => started.has(pid)

export const startChild = async (command: Command): Promise<Start> => {
  const isRead = command.readUpTo !== undefined
  // Loaded here, with the first child: its hundred files cost more than the rest of this program.
  const [system, { execa }] = await Promise.all([loadSyscalls(), import('execa')])
  const running = execa(command.file, [...command.args], {
    cwd: command.cwd,
    env: { ...command.env },
    extendEnv: false,
    // Any descriptor will do; execa's types list only the first few.
    stdio: ['ignore', isRead ? 'pipe' : 'inherit', 'inherit', (command.lockFd as 9 | undefined) ?? 'ignore'],
    detached: true,
    cleanup: false,
    buffer: isRead,
    maxBuffer: command.readUpTo ?? 0,
    reject: false,
  })
  const { pid } = running
  // Node cannot have reaped it yet: that takes a turn of the loop.
  const identity = pid === undefined ? undefined : identityOf(pid)
  if (pid === undefined || !identity) {
    const { code = 'UNKNOWN' } = await running
    return { is: 'failed', code, why: whyNotStarted(command, code) }
  }
  started.add(pid)

  let status: number | undefined
  /** Who was left at the moment of its end: while one of them lives, the kernel gives its number to no other group or session. */
  let members: Identity[] | undefined
  const mates = (): Identity[] =>
    processes().filter((row) => row.pid !== pid && !row.zombie && (row.group === pid || row.session === pid))
  if (system.is === 'loaded')
    system.calls.watchEnd(pid, (ended) => {
      status = ended
      members = mates()
    })

  const exited = running.then((result): Exit => {
    started.delete(pid)
    members ??= mates()
    if (status !== undefined) return exitOfStatus(status)
    if (result.signal !== undefined) return { by: 'signal', signal: result.signal, coreDumped: false }
    return { by: 'code', code: result.exitCode ?? 0 }
  })
  return {
    is: 'started',
    identity,
    exited,
    printed: running.then(({ stdout }) => (typeof stdout === 'string' ? stdout : '')),
    kill: (signal) => sendSignalToGroup(identity, signal, members),
    remaining: () => (members && !members.some(isAlive) ? [] : mates()),
  }
}

/** What wait(2) says, in words. */
export const exitOfStatus = (status: number): Exit => {
  const number = status & 0x7f
  if (number === 0) return { by: 'code', code: (status >> 8) & 0xff }
  return {
    by: 'signal',
    signal: signalNames.get(number) ?? `signal ${number}`,
    coreDumped: (status & 0x80) !== 0,
  }
}

/** Some have two names (SIGIOT, SIGPOLL): the first is the usual one. */
const signalNames = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
)
