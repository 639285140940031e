/**
 * The system calls that Node does not have: unix datagrams, open-file-description locks, the subreaper flag,
 * reaping by pid, how a child really ended, and two names changing places.  Called in libc through koffi, which costs 20 ms and some MB:
 * loaded when first asked for, and only then.
 *
 * 1. Where koffi does not load, the answer is one value that says why; nothing else of this program imports it.
 * 2. No call blocks: sockets, locks and waits are all asked not to.
 * 3. Nobody is reaped but by pid: waiting for any child would steal the endings of Node's own.
 *
 * `kill` is Node's own (send-signal.ts).
 */
import { closeSync, readFileSync } from 'node:fs'
import { arch, endianness } from 'node:os'
import type Koffi from 'koffi'

export interface Syscalls {
  /** A connectionless sender, kept open. An address that begins with @ is abstract. */
  openDatagram(address: string): DatagramSender
  /** To a connected socket that is not ours alone, without waiting: how many bytes it took, or the code of the error. */
  sendNow(fd: number, bytes: Uint8Array): number | string
  /** F_OFD_SETLK for writing on the whole file; false when somebody else has it. */
  tryLock(fd: number): boolean
  /** flock(2) for writing; false when somebody else has it. Another kind of lock: the two do not see each other. */
  tryFlock(fd: number): boolean
  /** renameat2(2) with RENAME_EXCHANGE. Undefined when done, else the code of the error. */
  exchange(one: string, other: string): string | undefined
  becomeSubreaper(): void
  /** True when that zombie child of ours was taken off the process table. Never for a child that Node started. */
  reap(pid: number): boolean
  /**
   * Calls back once, when the child has ended and is still in the process table: Node learns of it only after that.
   * `status` is what wait(2) would say, or undefined where the kernel does not tell.
   * False where such watching is not possible here.
   */
  watchEnd(pid: number, ended: (status: number | undefined) => void): boolean
}

export interface DatagramSender {
  /** Undefined when it was sent, else the code of the error: EAGAIN when the receiver does not keep up. */
  send(bytes: Uint8Array): string | undefined
  close(): void
}

export type LoadedSyscalls =
  { readonly is: 'loaded'; readonly calls: Syscalls } | { readonly is: 'unavailable'; readonly why: string }

export class SyscallError extends Error {
  override name = 'SyscallError'
  readonly code: string
  constructor(call: string, code: string) {
    super(`cannot ${call}: ${code}`)
    this.code = code
  }
}

let loading: Promise<LoadedSyscalls> | undefined
export const loadSyscalls = (): Promise<LoadedSyscalls> => (loading ??= load())

const load = async (): Promise<LoadedSyscalls> => {
  // The structures below are laid out for these; 32-bit systems have others.
  if (!['x64', 'arm64', 'riscv64', 'loong64', 'ppc64'].includes(arch()) || endianness() !== 'LE')
    return { is: 'unavailable', why: `the layout of system calls on ${arch()} is not known` }
  try {
    const { default: koffi } = await import('koffi')
    return { is: 'loaded', calls: bind(koffi) }
  } catch (error) {
    return {
      is: 'unavailable',
      why: `koffi does not load: ${(error as Error).message.split('\n')[0]}`,
    }
  }
}

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const MSG_NOSIGNAL = 0x4000
const MSG_DONTWAIT = 0x40
const F_OFD_SETLK = 37
const F_WRLCK = 1
const LOCK_EX = 2
const LOCK_NB = 4
const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1
/** One number on every architecture. */
const SYS_pidfd_open = 434
const AT_FDCWD = -100
const RENAME_EXCHANGE = 2
const longestUnixAddressBytes = 108

const bind = (koffi: typeof Koffi): Syscalls => {
  // The running program itself: libc whatever its name, glibc or musl.
  const libc = koffi.load(null)
  const socket = libc.func('int socket(int, int, int)')
  const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, uint32_t)')
  const fcntl = libc.func('int fcntl(int, int, ...)')
  const flock = libc.func('int flock(int, int)')
  const prctl = libc.func('int prctl(int, ...)')
  const waitpid = libc.func('int waitpid(int, _Out_ int *, int)')
  const syscall = libc.func('long syscall(long, ...)')

  /** Younger than the rest, and missing in some C libraries. */
  const renameat2 = (() => {
    try {
      return libc.func('int renameat2(int, const char *, int, const char *, unsigned int)')
    } catch {
      return undefined
    }
  })()

  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]))
  // Two names for one number: the usual one.
  names.set(koffi.os.errno['EAGAIN'] ?? 11, 'EAGAIN')
  const errorCode = (): string => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`
  const checked = (call: string, result: number): number => {
    if (result < 0) throw new SyscallError(call, errorCode())
    return result
  }

  return {
    openDatagram(address) {
      const to = unixAddress(address)
      const fd = checked(
        'open a datagram socket',
        socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
      )
      return {
        send: (bytes) =>
          Number(sendto(fd, bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT, to, to.length)) < 0
            ? errorCode()
            : undefined,
        close: () => closeSync(fd),
      }
    },

    sendNow(fd, bytes) {
      const sent = Number(sendto(fd, bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT, null, 0))
      return sent < 0 ? errorCode() : sent
    },

    tryLock(fd) {
      if (fcntl(fd, F_OFD_SETLK, 'void *', wholeFile(F_WRLCK)) >= 0) return true
      const code = errorCode()
      if (code === 'EAGAIN' || code === 'EACCES') return false
      throw new SyscallError('lock the file', code)
    },

    tryFlock(fd) {
      if (flock(fd, LOCK_EX | LOCK_NB) >= 0) return true
      const code = errorCode()
      if (code === 'EAGAIN') return false
      throw new SyscallError('lock the file', code)
    },

    exchange(one, other) {
      if (!renameat2) return 'ENOSYS'
      return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) < 0 ? errorCode() : undefined
    },

    becomeSubreaper() {
      const result = prctl(PR_SET_CHILD_SUBREAPER, 'ulong', 1, 'ulong', 0, 'ulong', 0, 'ulong', 0)
      checked('become a subreaper', result)
    },

    reap: (pid) => pid > 1 && waitpid(pid, [0], WNOHANG) === pid,

    watchEnd(pid, ended) {
      const fd = Number(syscall(SYS_pidfd_open, 'int', pid, 'uint', 0))
      if (fd < 0) return false
      const handle = koffi.node.poll(fd, { readable: true }, () => {
        handle.stop()
        handle.close()
        closeSync(fd)
        ended(statusOfEnded(pid))
      })
      return true
    },
  }
}

/** struct sockaddr_un, cut to the length that the address has. */
const unixAddress = (address: string): Buffer => {
  const abstract = address.startsWith('@')
  const name = Buffer.from(abstract ? `\0${address.slice(1)}` : `${address}\0`)
  if (name.length > longestUnixAddressBytes) throw new SyscallError('address the socket', 'ENAMETOOLONG')
  const family = Buffer.alloc(2)
  family.writeUInt16LE(AF_UNIX)
  return Buffer.concat([family, name])
}

/** struct flock: type, whence, start, length (0 is to the end), pid (must be 0). */
const wholeFile = (type: number): Buffer => {
  const lock = Buffer.alloc(32)
  lock.writeInt16LE(type, 0)
  return lock
}

/** The last field of /proc/<pid>/stat, which the kernel shows to those who may trace the process: its parent of the same user. */
const statusOfEnded = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .trimEnd()
      .split(' ')
    return fields[0] === 'Z' ? Number(fields[49]) : undefined
  } catch {
    return undefined
  }
}
