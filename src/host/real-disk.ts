/**
 * The disk of this machine.
 *
 * Calls are synchronous inside: a look at 40,000 files costs a tenth of what the thread pool would charge.  So
 * that signals, the watchdog and the probes go on meanwhile, every call that finds the loop starved for more
 * than BREATHER_MS first lets it turn.  Only fsync, which may take seconds, goes through the thread pool.
 *
 * Every open refuses a symbolic link and never waits for a FIFO's other end; what is no regular file is refused
 * after the open, by the descriptor, so that no swap of the name in between can matter.
 */
import fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { type Disk, type DirEntry, DiskError, type FileKind, type FileStat, type Segment } from './disk.ts'
import { exchangeNames } from './exchange.ts'
import { surveying } from './survey.ts'

const BREATHER_MS = 15
/** Some tenths of a millisecond. */
const AT_A_STRETCH = 100
const PIECE_BYTES = 1 << 20

const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants
/** libuv adds O_CLOEXEC to each open. */
const SAFELY = O_NOFOLLOW | O_NONBLOCK

const fsync = promisify(fs.fsync)

export function realDisk(): Disk {
  let turnedAt = performance.now()
  const breathe = async (): Promise<void> => {
    if (performance.now() - turnedAt < BREATHER_MS) return
    await new Promise((resume) => setImmediate(resume))
    turnedAt = performance.now()
  }

  async function* pieces(content: readonly Segment[]): AsyncGenerator<Uint8Array> {
    for (const segment of content) {
      if (segment instanceof Uint8Array) {
        for (let at = 0; at < segment.length; at += PIECE_BYTES) yield segment.subarray(at, at + PIECE_BYTES)
        continue
      }
      const source = openFile('read', segment.path, O_RDONLY)
      try {
        for (let at = segment.from; at < segment.to;) {
          const piece = readAt(source, segment.path, at, Math.min(segment.to, at + PIECE_BYTES))
          if (piece.length === 0) break
          yield piece
          at += piece.length
        }
      } finally {
        fs.closeSync(source)
      }
    }
  }

  return {
    async list(dir) {
      await breathe()
      return within(dir, (here) =>
        fs
          .readdirSync(here, { withFileTypes: true })
          .map((entry): DirEntry => ({ name: entry.name, kind: kindOf(entry) })),
      )
    },

    async survey(dir) {
      await breathe()
      const names = within(dir, (here) => fs.readdirSync(here))
      const survey = surveying(names.length)
      for (const [n, name] of names.entries()) {
        if (n % AT_A_STRETCH === 0) await breathe()
        const path = `${dir}/${name}`
        try {
          const stat = look(path)
          if (stat !== undefined) survey.note(name, stat)
        } catch (error) {
          survey.failed(new DiskError('look at', path, error))
        }
      }
      return survey.finish()
    },

    async stat(name) {
      await breathe()
      return attempt('look at', name, () => look(name))
    },

    async read(name, from, to) {
      await breathe()
      const fd = openFile('read', name, O_RDONLY)
      try {
        const parts: Buffer[] = []
        for (let at = from; at < to;) {
          const piece = readAt(fd, name, at, Math.min(to, at + PIECE_BYTES))
          if (piece.length === 0) break
          parts.push(piece)
          at += piece.length
          await breathe()
        }
        return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
      } finally {
        fs.closeSync(fd)
      }
    },

    async readLink(name) {
      await breathe()
      return attempt('read the link', name, () => fs.readlinkSync(name))
    },

    async create(name, content, mode) {
      await breathe()
      const fd = attempt('create', name, () => fs.openSync(name, O_WRONLY | O_CREAT | O_EXCL | SAFELY, mode))
      try {
        // The umask has no say: a mode is copied from the file that is replaced.
        attempt('set the mode of', name, () => fs.fchmodSync(fd, mode))
        for await (const piece of pieces(content)) {
          writeAll(fd, name, piece)
          await breathe()
        }
      } finally {
        attempt('close', name, () => fs.closeSync(fd))
      }
    },

    async append(name, bytes) {
      await breathe()
      const fd = openFile('append to', name, O_WRONLY | O_APPEND)
      try {
        writeAll(fd, name, bytes)
      } finally {
        attempt('close', name, () => fs.closeSync(fd))
      }
    },

    async link(from, to) {
      await breathe()
      attempt('link', to, () => fs.linkSync(from, to))
    },

    async rename(from, to) {
      await breathe()
      attempt('rename to', to, () => fs.renameSync(from, to))
    },

    async exchange(one, other) {
      await breathe()
      const outcome = await exchangeNames(one, other)
      if (typeof outcome === 'boolean') return outcome
      throw new DiskError('exchange', other, outcome)
    },

    async remove(name) {
      await breathe()
      attempt('remove', name, () => {
        if (fs.lstatSync(name).isDirectory()) fs.rmdirSync(name)
        else fs.unlinkSync(name)
      })
    },

    async mkdir(name, mode) {
      await breathe()
      attempt('make the directory', name, () => {
        try {
          fs.mkdirSync(name, { mode })
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || look(name)?.kind !== 'directory')
            throw error
        }
      })
    },

    async copyOwner(name, like) {
      await breathe()
      const fd = openFile('open', name, O_RDONLY, 'or a directory')
      try {
        attempt('set the owner of', name, () => {
          const now = fs.fstatSync(fd)
          if (now.uid !== like.uid || now.gid !== like.gid)
            asFarAsAllowed(() => fs.fchownSync(fd, like.uid, like.gid))
          // After the owner: a change of owner clears bits of the mode.
          fs.fchmodSync(fd, like.mode)
        })
      } finally {
        fs.closeSync(fd)
      }
    },

    async setTime(name, mtimeMs) {
      await breathe()
      const fd = openFile('open', name, O_RDONLY)
      try {
        attempt('set the time of', name, () => {
          const microseconds = Math.floor(mtimeMs * 1000)
          asFarAsAllowed(() => fs.futimesSync(fd, fs.fstatSync(fd).atime, microseconds / 1e6))
        })
      } finally {
        fs.closeSync(fd)
      }
    },

    async sync(name) {
      await breathe()
      await syncThrough(name, openFile('sync', name, O_RDONLY))
      turnedAt = performance.now()
    },

    async syncDir(dir) {
      await breathe()
      const fd = attempt('sync the directory', dir, () => fs.openSync(dir, O_RDONLY | O_DIRECTORY | SAFELY))
      await syncThrough(dir, fd)
      turnedAt = performance.now()
    },
  }
}

/** By the descriptor: readdir on the name would follow a link in the last component. */
function within<T>(dir: string, list: (here: string) => T): T {
  return attempt('list', dir, () => {
    const fd = fs.openSync(dir, O_RDONLY | O_DIRECTORY | SAFELY)
    try {
      return list(`/proc/self/fd/${fd}`)
    } finally {
      fs.closeSync(fd)
    }
  })
}

function attempt<T>(verb: string, name: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof DiskError) throw error
    throw new DiskError(verb, name, error)
  }
}

/** Once only: after a failed fsync the kernel calls the pages clean, and a second one would succeed on lost data. */
async function syncThrough(name: string, fd: number): Promise<void> {
  try {
    await fsync(fd)
  } catch (error) {
    throw new DiskError('sync', name, error)
  } finally {
    fs.closeSync(fd)
  }
}

function openFile(verb: string, name: string, flags: number, orElse?: 'or a directory'): number {
  return attempt(verb, name, () => {
    const fd = fs.openSync(name, flags | SAFELY)
    const seen = fs.fstatSync(fd)
    if (seen.isFile() || (orElse !== undefined && seen.isDirectory())) return fd
    fs.closeSync(fd)
    throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' })
  })
}

/** One read, which may be short. */
function readAt(fd: number, name: string, from: number, to: number): Buffer {
  const room = Buffer.allocUnsafe(Math.max(0, to - from))
  return room.subarray(
    0,
    attempt('read', name, () => fs.readSync(fd, room, 0, room.length, from)),
  )
}

/** A write may be short, on a disk that fills up for one. */
function writeAll(fd: number, name: string, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += attempt('write', name, () => fs.writeSync(fd, bytes, at))
}

function look(name: string): FileStat | undefined {
  try {
    const seen = fs.lstatSync(name, { throwIfNoEntry: false })
    if (seen === undefined) return undefined
    return {
      kind: kindOf(seen),
      bytes: seen.size,
      mtimeMs: seen.mtimeMs,
      ctimeMs: seen.ctimeMs,
      dev: seen.dev,
      ino: seen.ino,
      links: seen.nlink,
      mode: seen.mode & 0o7777,
      uid: seen.uid,
      gid: seen.gid,
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined
    throw error
  }
}

function asFarAsAllowed(set: () => void): void {
  try {
    set()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}

const kindOf = (seen: fs.Stats | fs.Dirent): FileKind =>
  seen.isFile() ? 'file' : seen.isDirectory() ? 'directory' : seen.isSymbolicLink() ? 'link' : 'other'
