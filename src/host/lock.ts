/**
 * Is somebody working on this state already?  An open-file-description lock, kept by the kernel.
 *
 * The lock belongs to the open file, not to a process: a child that inherits the descriptor holds it too, so it
 * stays for as long as the supervisor **or** the gateway it started lives, and is gone the instant the last of
 * them is, however they died.  It needs no cleaning and cannot be stale.  (Rejected: a pid file, which can be.)
 *
 * Where koffi does not load, the program `flock` takes the other kind of lock of an open file, flock(2), on the
 * descriptor that it inherits.  The two kinds do not see each other, so with koffi both are taken.  (Rejected: that
 * kind alone, which some network file systems do not hand on to the server.)
 *
 * 1. `held` is said only after the kernel gave the lock.
 * 2. The file's content names the last holder for people.  It decides nothing: it may be empty or torn, and the
 *    one it names may be dead while the gateway it started holds on.
 * 3. The file itself is never removed: a second holder could then lock a new one beside the first.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { asDiskError, DiskError } from './disk.ts'
import { describe, type Identity } from './process-table.ts'
import { printable } from './printable.ts'
import { loadSyscalls, SyscallError, type Syscalls } from './syscalls.ts'

export interface Holder extends Identity {
  readonly command: string
  /** ms since the epoch. */
  readonly since: number
  readonly unit?: string
}

export interface HeldLock {
  readonly is: 'held'
  /** To be passed to the child. Closed on exec unless it is. */
  readonly fd: number
  /** Lets go of our side; a child that inherited the descriptor holds on. */
  release(): void
  readonly warning?: string
}

export type Lock =
  | HeldLock
  | { readonly is: 'taken'; readonly holder: Holder | null; readonly warning?: string }
  /** No lock can be had here at all: nobody may work on this state. */
  | { readonly is: 'unavailable'; readonly why: string }

const noFollow = constants.O_NOFOLLOW | constants.O_NONBLOCK

/** The folder must be there. A failure to open the file is an exception. */
export const takeLock = async (path: string): Promise<Lock> => {
  const loaded = await loadSyscalls()
  const fd = openFile(path, constants.O_RDWR | constants.O_CREAT | noFollow)
  try {
    const { type } = statfsSync(path)
    const answer = loaded.is === 'loaded' ? lockBoth(loaded.calls, fd) : lockByProgram(fd, loaded.why)
    if (answer.is === 'held') writeHolder(fd)
    const warning = warningAbout(type)
    const warned = warning === undefined ? {} : { warning }
    switch (answer.is) {
      case 'held':
        return { is: 'held', fd, release: () => closeSync(fd), ...warned }
      case 'taken': {
        const holder = readHolder(fd)
        closeSync(fd)
        return { is: 'taken', holder, ...warned }
      }
      case 'refused': {
        closeSync(fd)
        return { is: 'unavailable', why: whyNoLock(answer.code, type) }
      }
      case 'no-means':
        closeSync(fd)
        return { is: 'unavailable', why: answer.why }
    }
  } catch (error) {
    closeSync(fd)
    throw asDiskError('lock', path, error)
  }
}

type Answer =
  | { readonly is: 'held' | 'taken' }
  /** By the file system, with this code. */
  | { readonly is: 'refused'; readonly code: string }
  | { readonly is: 'no-means'; readonly why: string }

const lockBoth = (calls: Syscalls, fd: number): Answer => {
  try {
    if (!calls.tryLock(fd)) return { is: 'taken' }
  } catch (error) {
    if (error instanceof SyscallError) return { is: 'refused', code: error.code }
    throw error
  }
  try {
    return { is: calls.tryFlock(fd) ? 'held' : 'taken' }
  } catch (error) {
    // A file system that has only the first kind.
    if (error instanceof SyscallError) return { is: 'held' }
    throw error
  }
}

const programWithinMs = 10_000

const lockByProgram = (fd: number, whyNoKoffi: string): Answer => {
  const { status, error, stderr } = spawnSync('flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: programWithinMs,
  })
  const code = error && 'code' in error ? String(error.code) : undefined
  if (code !== undefined)
    return {
      is: 'no-means',
      why: `${whyNoKoffi}, and the program \`flock\` cannot be run (${code}): install util-linux`,
    }
  if (status === 0)
    return hasFlock(fd)
      ? { is: 'held' }
      : { is: 'no-means', why: `${whyNoKoffi}, and the program \`flock\` took no lock: install util-linux` }
  const said = printable(stderr.trim().split('\n')[0] ?? '', 200)
  if (status === 1 && said === '') return { is: 'taken' }
  if (said.includes('No locks available')) return { is: 'refused', code: 'ENOLCK' }
  return {
    is: 'no-means',
    why: `${whyNoKoffi}, and the program \`flock\` failed: ${said || `status ${status}`}`,
  }
}

/** The kernel's own word: the locks of a descriptor stand in its fdinfo. */
const hasFlock = (fd: number): boolean =>
  /^lock:.* FLOCK .*WRITE /m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))

const openFile = (path: string, flags: number): number => {
  let fd: number | undefined
  try {
    fd = openSync(path, flags, 0o600)
    if (!fstatSync(fd).isFile()) throw Object.assign(new Error('not a file'), { code: 'EINVAL' })
    return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    throw new DiskError('open the lock', path, error)
  }
}

const longestHolderBytes = 4096

/** For people only, so a full disk must not cost the lock. */
const writeHolder = (fd: number): void => {
  const own = describe(process.pid)
  if (!own) return
  const { pid, startTicks, bootId, command, unit } = own
  const holder: Holder = {
    pid,
    startTicks,
    bootId,
    command,
    since: Date.now(),
    ...(unit && { unit: unit.name }),
  }
  try {
    // A second name of somebody else's file is a lock all the same, but nothing is written into it.
    if (fstatSync(fd).nlink > 1) return
    ftruncateSync(fd, 0)
    writeSync(fd, `${JSON.stringify(holder)}\n`, 0)
  } catch {}
}

const readHolder = (fd: number): Holder | null => {
  const bytes = Buffer.alloc(longestHolderBytes)
  try {
    return holderOf(JSON.parse(bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))))
  } catch {
    return null
  }
}

const holderOf = (value: unknown): Holder | null => {
  if (typeof value !== 'object' || value === null) return null
  const { pid, startTicks, bootId, command, since, unit } = value as Record<string, unknown>
  if (!Number.isSafeInteger(pid) || (pid as number) < 1 || !Number.isSafeInteger(startTicks)) return null
  if (typeof bootId !== 'string' || typeof command !== 'string' || typeof since !== 'number') return null
  const named = { pid: pid as number, startTicks: startTicks as number, bootId, command, since }
  return typeof unit === 'string' ? { ...named, unit } : named
}

/** Where such a lock is one machine's own affair, or the server's, or kept only while a lease lasts. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x73757245, 'Coda'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
  [0x786f4256, 'a VirtualBox shared folder'],
])

/** From the type that statfs(2) gives. */
const nameOf = (type: number): string | undefined => networkFileSystems.get(type >>> 0)

export const warningAbout = (type: number): string | undefined => {
  const name = nameOf(type)
  return name && `the state lies on ${name}: a supervisor on another machine may not be seen`
}

export const whyNoLock = (code: string, type: number): string => {
  const name = nameOf(type)
  return name === undefined
    ? `its file system gives no locks (${code}): move the state to another one`
    : `it lies on ${name}, which gives no locks here (${code}): start its lock service, or move the state to a local disk`
}
