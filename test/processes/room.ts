/**
 * A state directory of its own, a port of its own, and supervisors with short limits on it. At the end of the test
 * every process that was told to work on that state is ended, whoever its parent is by then: known by the state
 * directory in its environment, named by pid and start time.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
import {
  describe,
  environmentOf,
  identityOf,
  isAlive,
  processes,
  type Identity,
} from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import type { Entry } from '../../src/supervisor/ledger.ts'
import type { Status } from '../../src/supervisor/status.ts'
import { unpack, type Fixture } from '../fixtures/unpack.ts'
import { compiledProgram } from './program.ts'
import { until } from './until.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Answer extends Ended {
  readonly stdout: string
  readonly stderr: string
}

export interface Supervisor {
  readonly who: Identity
  readonly ended: Promise<Ended>
  /** Undefined while it lives. */
  readonly end: () => Ended | undefined
  /** Standard error so far: the log, one JSON line each, and what the children wrote. */
  readonly said: () => string
  readonly signal: (signal: NodeJS.Signals) => void
}

export interface How {
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Words of another command than node and the child. */
  readonly command?: readonly string[]
  readonly detached?: boolean
  /** The port is not told, but left to the configuration. */
  readonly portOfConfig?: boolean
  /** Words of what runs the supervisor. */
  readonly under?: readonly string[]
  /** Instead of files: pipes whose reader is gone, or does not read. */
  readonly output?: 'closed' | 'unread'
}

export interface Room {
  readonly folder: string
  /** The program. */
  readonly main: string
  readonly stateDir: string
  readonly port: number
  /** `run` with a child of children/, by its name and further words. */
  run(child: string, how?: How): Supervisor
  /** Any command on this state, awaited. */
  supervise(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Answer>
  /** Undefined while there is no readable one. */
  status(): Status | undefined
  reaches(what: string, is: (status: Status) => boolean, withinMs?: number): Promise<Status>
  ledger(): readonly Entry[]
  /** What the children noted: `started 123`. */
  journal(): readonly string[]
  /** All processes alive that were told to work on this state. */
  inhabitants(): Identity[]
}

/** Short limits, so that every ending is reached in moments. */
const limits = {
  backoff: '20ms',
  'backoff-max': '40ms',
  'probe-every': '100ms',
  'probe-timeout': '1s',
  'hang-after': '2s',
  'start-limit': '15s',
  'stop-limit': '2s',
  'hung-stop-limit': '300ms',
  'sweep-limit': '300ms',
  'held-retry': '200ms',
}

/** Of the machine, and nothing that the tests themselves were told. */
const plainEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

export const childFile = (name: string): string =>
  fileURLToPath(new URL(`children/${name}.mjs`, import.meta.url))

/** Call it at the top of a file of tests. */
export function rooms(): (fixture?: Fixture) => Promise<Room> {
  const program = compiledProgram()
  const leaveAll: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const leave of leaveAll.splice(0)) await leave()
  })
  return async (fixture = 'sound') => {
    const { room, leave } = enter(program(), fixture, await freePort())
    leaveAll.push(leave)
    return room
  }
}

function enter(main: string, fixture: Fixture, port: number): { room: Room; leave: () => Promise<void> } {
  const unpacked = unpack(fixture)
  const { stateDir } = unpacked
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-room-')))
  const journal = join(folder, 'journal')
  const env = { ...plainEnvironment(), TMPDIR: folder, OPENCLAW_STATE_DIR: stateDir, CHILD_JOURNAL: journal }
  mkdirSync(join(folder, 'said'))
  let started = 0

  const start = (words: readonly string[], more: How): Supervisor & { out: string; err: string } => {
    const [out, err] = [join(folder, 'said', `${++started}.out`), join(folder, 'said', `${started}.err`)]
    if (more.output === 'unread') execFileSync('mkfifo', [out, err])
    // Open for both, a FIFO has a reader: one that does not read.
    const mode = more.output === 'unread' ? 'r+' : 'w'
    const [outFd, errFd] = [openSync(out, mode), openSync(err, mode)]
    const [program = '', ...args] = [...(more.under ?? []), process.execPath, main, ...words]
    const child = spawn(program, args, {
      stdio: more.output === 'closed' ? ['ignore', 'pipe', 'pipe'] : ['ignore', outFd, errFd],
      env: { ...env, ...more.env },
      detached: more.detached ?? false,
    })
    closeSync(outFd)
    closeSync(errFd)
    for (const pipe of [child.stdout, child.stderr]) pipe?.destroy()
    const who = child.pid === undefined ? undefined : identityOf(child.pid)
    if (who === undefined) throw new Error('the supervisor could not be started')
    let end: Ended | undefined
    const ended = new Promise<Ended>((resolve) =>
      child.once('exit', (code, signal) => {
        end = { code, signal }
        resolve(end)
      }),
    )
    return {
      who,
      ended,
      end: () => end,
      said: () => (more.output === undefined ? readFileSync(err, 'utf8') : ''),
      signal: (signal) => void sendSignal(who, signal),
      out,
      err,
    }
  }
  const status = (): Status | undefined => {
    try {
      return JSON.parse(readFileSync(join(stateDir, 'supervise/status.json'), 'utf8')) as Status
    } catch {
      return undefined
    }
  }
  const inhabitants = (): Identity[] =>
    processes().filter((row) => !row.zombie && environmentOf(row.pid)?.get('OPENCLAW_STATE_DIR') === stateDir)
  const linesOf = (path: string): string[] =>
    existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
  let last: Supervisor | undefined

  const room: Room = {
    folder,
    main,
    stateDir,
    port,
    run(child, { flags = [], command, portOfConfig = false, ...more } = {}) {
      const [name = '', ...words] = child.split(' ')
      const given = Object.entries(limits)
        .filter(([flag]) => !flags.some((word) => word === `--${flag}` || word.startsWith(`--${flag}=`)))
        .map(([flag, value]) => `--${flag}=${value}`)
      const gateway = command ?? [process.execPath, childFile(name), ...words]
      const told = portOfConfig ? [] : [`--port=${port}`]
      last = start(['run', ...told, ...given, ...flags, '--', ...gateway], more)
      return last
    },
    async supervise(words, more = {}) {
      const answering = start(words, { env: more })
      const ended = await answering.ended
      return { ...ended, stdout: readFileSync(answering.out, 'utf8'), stderr: answering.said() }
    },
    status,
    reaches: (what, is, withinMs) =>
      until(
        what,
        () => {
          const now = status()
          return now !== undefined && is(now) ? now : undefined
        },
        withinMs,
        () => `${JSON.stringify(status())}\n${last?.said()}`,
      ),
    ledger: () => linesOf(join(stateDir, 'supervise/ledger.jsonl')).map((line) => JSON.parse(line) as Entry),
    journal: () => linesOf(journal),
    inhabitants,
  }
  const leave = async (): Promise<void> => {
    await until('everybody on this state is gone', () => {
      const left = inhabitants()
      for (const who of left) sendSignal(who, 'SIGKILL')
      return !left.some(isAlive)
    })
    unpacked.remove()
    rmSync(folder, { recursive: true, force: true })
  }
  return { room, leave }
}

const gatewayProgram = `${process.execPath} ${childFile('').replace(/\.mjs$/, '')}`
/** The children alive that are gateways, not what they started. */
export const gatewaysOf = (room: Room): Identity[] =>
  room.inhabitants().filter(({ pid }) => describe(pid)?.command.startsWith(gatewayProgram) === true)

/** Counts the gateways alive, again and again, until told to stop; answers the most seen at one moment. */
export const countGateways = (room: Room): (() => Promise<number>) => {
  let most = 0
  const counting = { on: true }
  const done = (async () => {
    for (let rounds = 0; counting.on && rounds < 5000; rounds++) {
      most = Math.max(most, gatewaysOf(room).length)
      await new Promise((go) => setTimeout(go, 20))
    }
  })()
  return async () => {
    most = Math.max(most, gatewaysOf(room).length)
    counting.on = false
    await done
    return most
  }
}

/** Below the range from which the kernel gives ports to clients. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '::', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
  throw new Error('no free port')
}
