/**
 * Which processes are there, and is this still the one I meant?
 *
 * A pid alone names nobody: pids are used again. A process is named by its pid, the time at which the kernel
 * started it (clock ticks since boot) and the boot id. This file only looks; send-signal.ts signals.
 *
 * 1. `gone` is said only of a process that the kernel does not know, or knows under another start time or boot.
 *    One that may not be looked at is `unseen`, and counts as alive.
 * 2. A zombie is not alive: it holds nothing but its pid.
 * 3. No answer of this file throws because a process ended while it was looked at.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs'
import { printable } from './printable.ts'

export interface Identity {
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat. */
  readonly startTicks: number
  readonly bootId: string
}

export type Presence = 'alive' | 'zombie' | 'gone' | 'unseen'

export interface ProcessRow extends Identity {
  readonly ppid: number
  readonly group: number
  readonly session: number
  readonly zombie: boolean
}

export interface Description extends Identity {
  /** Fit for printing; the name in brackets where the command line is empty. */
  readonly command: string
  /** Undefined where we may not look. */
  readonly exe: string | undefined
  readonly user: string
  readonly unit: Unit | undefined
  /** ms since the epoch, as good as the wall clock. */
  readonly startedAtMs: number
  readonly uptimeMs: number
}

export interface Unit {
  readonly name: string
  readonly of: 'system' | 'user'
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

let knownBootId: string | undefined
export const bootId = (): string =>
  (knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())

/** Undefined: no such process, or none that may be seen. Any other failure (no free descriptor) is not an answer, and throws. */
const readProc = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path)
  } catch (error) {
    return unlessHidden(error, path)
  }
}

const unlessHidden = (error: unknown, path: string): undefined => {
  if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
    return undefined
  throw new Error(`cannot read ${path}`, { cause: error })
}

/** One line: at most 52 numbers of 20 digits, and a name of 64 bytes. Read with three calls: each scan reads as many as there are processes. */
const statRoom = Buffer.allocUnsafe(4096)
const statOf = (pid: number): string | undefined => {
  let fd: number | undefined
  try {
    fd = openSync(`/proc/${pid}/stat`, 'r')
    return statRoom.toString('latin1', 0, readSync(fd, statRoom))
  } catch (error) {
    return unlessHidden(error, `/proc/${pid}/stat`)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

const readProcLink = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

export const rowOf = (pid: number): ProcessRow | undefined => {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined
  const stat = statOf(pid)
  if (stat === undefined) return undefined
  // The second field is the name in parentheses, and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const startTicks = Number(fields[19])
  if (!Number.isSafeInteger(startTicks)) return undefined
  return {
    pid,
    startTicks,
    bootId: bootId(),
    ppid: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    zombie: fields[0] === 'Z' || fields[0] === 'X',
  }
}

const identity = ({ pid, startTicks, bootId }: Identity): Identity => ({ pid, startTicks, bootId })

export const identityOf = (pid: number): Identity | undefined => {
  const row = rowOf(pid)
  return row && identity(row)
}

export const ownIdentity = (): Identity => {
  const own = identityOf(process.pid)
  if (!own) throw new Error(`cannot find the own process ${process.pid} in /proc`)
  return own
}

/** Of one that lives. */
export const startTicksOf = (pid: number): number | undefined => {
  const row = rowOf(pid)
  return row?.zombie === false ? row.startTicks : undefined
}

export const sameProcess = (a: Identity, b: Identity): boolean =>
  a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId

export const presenceOf = (who: Identity): Presence => {
  if (who.bootId !== bootId()) return 'gone'
  const row = rowOf(who.pid)
  if (!row) return existsUnseen(who.pid) ? 'unseen' : 'gone'
  if (!sameProcess(row, who)) return 'gone'
  return row.zombie ? 'zombie' : 'alive'
}

export const isAlive = (who: Identity): boolean => ['alive', 'unseen'].includes(presenceOf(who))

/** /proc mounted with hidepid shows nothing of other users' processes; signal 0 reaches nobody and still tells. */
const existsUnseen = (pid: number): boolean => {
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0)
    // Seen by kill but not in /proc: it ended or began between the two looks.
    return rowOf(pid) === undefined && process.getuid?.() !== 0
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)

/** Every process that may be seen, zombies too. One pass: rows of one answer can be a moment apart. */
export const processes = (): ProcessRow[] => pids().flatMap((pid) => rowOf(pid) ?? [])

/** Children, their children and so on, by parent; not `pid` itself. Parents before children. */
export const descendantsOf = (pid: number, table: readonly ProcessRow[] = processes()): ProcessRow[] => {
  const found: ProcessRow[] = []
  const seen = new Set([pid])
  for (let parents = new Set([pid]); parents.size > 0;) {
    const children = table.filter((row) => parents.has(row.ppid) && !seen.has(row.pid))
    for (const row of children) seen.add(row.pid)
    found.push(...children)
    parents = new Set(children.map((row) => row.pid))
  }
  return found
}

export const membersOfGroup = (group: number): ProcessRow[] =>
  processes().filter((row) => row.group === group)

export const membersOfSession = (session: number): ProcessRow[] =>
  processes().filter((row) => row.session === session)

export const describe = (pid: number): Description | undefined => {
  const row = rowOf(pid)
  if (!row) return undefined
  const uptimeMs = Math.max(0, (uptimeSeconds() - row.startTicks / ticksPerSecond) * 1000)
  return {
    ...identity(row),
    command: commandOf(pid),
    exe: exeOf(pid),
    user: userOf(pid),
    unit: unitOf(pid),
    startedAtMs: Math.round(Date.now() - uptimeMs),
    uptimeMs,
  }
}

const uptimeSeconds = (): number => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])

/** Reading it takes a lock of the process looked at: for people, never on the way to a start. */
const commandOf = (pid: number): string => {
  const line = readProc(`/proc/${pid}/cmdline`)?.toString('utf8').replace(/\0+$/, '').replaceAll('\0', ' ')
  if (line) return printable(line, 512)
  const name = readProc(`/proc/${pid}/comm`)?.toString('utf8').trimEnd()
  return name ? `[${printable(name)}]` : '[unknown]'
}

export const exeOf = (pid: number): string | undefined => readProcLink(`/proc/${pid}/exe`)

/** The environment it was started with; undefined where we may not look. */
export const environmentOf = (pid: number): ReadonlyMap<string, string> | undefined => {
  const text = readProc(`/proc/${pid}/environ`)?.toString('utf8')
  if (text === undefined) return undefined
  return new Map(
    text
      .split('\0')
      .filter((pair) => pair.includes('='))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
}

/**
 * Those alive that were started with this variable, or by somebody who was; not this process, nor who started it.
 * Identities are read before the environment: of a pid that was used again between the two, nobody is meant.
 */
export const carriersOf = (name: string, value: string): ProcessRow[] => {
  const table = processes()
  const parents = new Map(table.map((row) => [row.pid, row.ppid]))
  const own = new Set<number>()
  for (let pid: number | undefined = process.pid; pid !== undefined && !own.has(pid); pid = parents.get(pid))
    own.add(pid)
  return table.filter(
    (row) => !row.zombie && !own.has(row.pid) && environmentOf(row.pid)?.get(name) === value,
  )
}

const userOf = (pid: number): string => {
  const uid = readProc(`/proc/${pid}/status`)
    ?.toString('latin1')
    .match(/^Uid:\t(\d+)/m)?.[1]
  return uid === undefined ? 'unknown' : userName(Number(uid))
}

export const userName = (uid: number): string => {
  const line = readProc('/etc/passwd')
    ?.toString('utf8')
    .split('\n')
    .find((line) => line.split(':')[2] === String(uid))
  return printable(line?.split(':')[0] ?? `uid ${uid}`)
}

/** The systemd unit whose cgroup it is in. */
export const unitOf = (pid: number): Unit | undefined =>
  unitOfCgroups(readProc(`/proc/${pid}/cgroup`)?.toString('utf8') ?? '')

/** From the text of /proc/<pid>/cgroup: the unified hierarchy, or systemd's own of version 1. */
export const unitOfCgroups = (text: string): Unit | undefined => {
  const path = text.match(/^(?:0:|\d+:name=systemd):(\/.*)$/m)?.[1]
  const names = path?.split('/').filter((name) => /.\.(service|scope)$/.test(name)) ?? []
  const name = names.at(-1)
  if (name === undefined) return undefined
  const inUserManager =
    names.length > 1 && names.slice(0, -1).some((name) => /^user@\d+\.service$/.test(name))
  return { name: printable(name), of: inUserManager ? 'user' : 'system' }
}

/** What the kernel calls it: at most 15 characters, chosen by the process; empty when it is gone. */
export const nameOfProcess = (pid: number): string =>
  readProc(`/proc/${pid}/comm`)?.toString('utf8').replace(/\n$/, '') ?? ''

/** The names of what it has open, as they are now; none where we may not look. */
export const openFilesOf = (pid: number): string[] => {
  const dir = `/proc/${pid}/fd`
  try {
    return readdirSync(dir).flatMap((fd) => readProcLink(`${dir}/${fd}`) ?? [])
  } catch {
    return []
  }
}

/**
 * The first of what it has open that is meant, and is what bears that name here: in a container the same name may be
 * another file.
 */
export const hasOpen = (
  pid: number,
  how: 'at all' | 'for writing',
  isMeant: (path: string) => boolean,
): string | undefined => {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map((fd) => ({ fd, path: readProcLink(`/proc/${pid}/fd/${fd}`) ?? '' }))
      .find(
        ({ fd, path }) =>
          isMeant(path) &&
          isSameFile(`/proc/${pid}/fd/${fd}`, path) &&
          (how === 'at all' || isWritable(readProc(`/proc/${pid}/fdinfo/${fd}`))),
      )?.path
  } catch {
    return undefined
  }
}

/** Is what it calls so what we call so? Undefined where we may not look. */
export const seesAs = (pid: number, theirs: string, ours: string): boolean | undefined => {
  const path = `/proc/${pid}/root${theirs}`
  return theirs.startsWith('/') && existsSync(path) ? isSameFile(path, ours) : undefined
}

const isSameFile = (one: string, other: string): boolean => {
  try {
    const [a, b] = [statSync(one), statSync(other)]
    return a.dev === b.dev && a.ino === b.ino
  } catch {
    return false
  }
}

/** Its open(2) flags, octal: the lowest two bits are 0 for reading only. */
const isWritable = (fdinfo: Buffer | undefined): boolean => {
  const flags = fdinfo?.toString('latin1').match(/^flags:\t([0-7]+)$/m)?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0
}
