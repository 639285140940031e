/**
 * The supervisor's own small files: whole files replaced in one instant, and bounded lists of JSON lines.
 *
 * Everything except fsync is synchronous: a call without `durable` has taken place when it returns its promise,
 * so that two status changes in one turn of the loop cannot overtake each other, and the last one is there even
 * if the process ends in the same turn.  Callers that need `durable` await it before they act on it.
 *
 * 1. A reader sees the old file or the new one, never a mixture, never none where there was one.
 * 2. A durable replacement survives a power cut from the moment its promise is fulfilled.
 * 3. A line torn by a crash costs that line only, never the one before or after.
 * 4. No file grows without bound, and none is read beyond its bound.
 * 5. Nothing is written through a link, be it a symbolic one or a second name of somebody else's file.
 */
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { DiskError } from './disk.ts'

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } =
  fs.constants
const SAFELY = O_NOFOLLOW | O_NONBLOCK
const NEWLINE = 10

const fsync = promisify(fs.fsync)
let temporaries = 0

/** The folder, and those above it, for the owner alone. */
export function ensureFolder(dir: string): void {
  attempt('make the directory', dir, () => {
    try {
      fs.mkdirSync(dir, { mode: 0o700 })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // What is written below a link would be written wherever somebody made it lead.
      if (code === 'EEXIST') {
        if (fs.lstatSync(dir).isDirectory()) return
        throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' })
      }
      // Node's recursive mkdir says ENOENT where the file system is read-only: only asked where it helps.
      if (code !== 'ENOENT') throw error
      fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
    }
  })
}

export async function replaceFile(
  name: string,
  bytes: Uint8Array | string,
  how: { readonly durable: boolean },
): Promise<void> {
  // Two replacements under way do not meet; what a dead process left is met again, and removed.
  const temporary = `${name}.${++temporaries}.tmp`
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  try {
    attempt('replace', name, () => {
      fs.rmSync(temporary, { force: true })
      const fd = fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | SAFELY, 0o600)
      try {
        writeAll(fd, content)
      } finally {
        fs.closeSync(fd)
      }
    })
    if (how.durable) await sync(temporary, O_RDONLY)
    attempt('replace', name, () => fs.renameSync(temporary, name))
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
  if (how.durable) await sync(path.dirname(name), O_RDONLY | O_DIRECTORY)
}

/** Undefined when there is no such file; an error when it is no regular file or longer than `mostBytes`. */
export function readSmall(name: string, mostBytes: number): Buffer | undefined {
  return attempt('read', name, () => {
    let fd: number
    try {
      fd = openBelow(name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    try {
      const seen = fs.fstatSync(fd)
      if (!seen.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' })
      if (seen.size > mostBytes) throw Object.assign(new Error(`over ${mostBytes} bytes`), { code: 'EFBIG' })
      return readFrom(fd, 0, seen.size)
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Gone afterwards, also when it was not there. */
export async function removeFile(name: string, how: { readonly durable: boolean }): Promise<void> {
  attempt('remove', name, () => fs.rmSync(name, { force: true }))
  if (how.durable) await sync(path.dirname(name), O_RDONLY | O_DIRECTORY)
}

/** One more line.  When the file would exceed `mostBytes`, the older half of its lines goes first. */
export async function appendJsonLine(
  name: string,
  value: unknown,
  how: { readonly mostBytes: number; readonly durable: boolean },
): Promise<void> {
  const line = Buffer.from(`${JSON.stringify(value)}\n`)
  const made = attempt('append to', name, () => {
    const fd = fs.openSync(name, O_RDWR | O_APPEND | O_CREAT | SAFELY, 0o600)
    try {
      const { size, nlink } = fs.fstatSync(fd)
      if (nlink > 1) throw Object.assign(new Error('also known by another name'), { code: 'EMLINK' })
      if (size + line.length + 1 > how.mostBytes) return 'too-long'
      // What a crash tore must not swallow this line.
      writeAll(
        fd,
        isTorn(readFrom(fd, Math.max(0, size - 1), size)) ? Buffer.concat([Buffer.from('\n'), line]) : line,
      )
      return size === 0 ? 'new' : 'appended'
    } finally {
      fs.closeSync(fd)
    }
  })
  if (made === 'too-long') {
    const kept = newest(readTail(name, how.mostBytes), how.mostBytes / 2)
    return await replaceFile(
      name,
      Buffer.concat(isTorn(kept) ? [kept, Buffer.from('\n'), line] : [kept, line]),
      how,
    )
  }
  if (!how.durable) return
  await sync(name, O_RDONLY)
  if (made === 'new') await sync(path.dirname(name), O_RDONLY | O_DIRECTORY)
}

/** The folder is ours only when it is no link: what that leads to is somebody else's, and not read. */
function openBelow(name: string): number {
  const folder = fs.openSync(path.dirname(name), O_RDONLY | O_DIRECTORY | SAFELY)
  try {
    return fs.openSync(`/proc/self/fd/${folder}/${path.basename(name)}`, O_RDONLY | SAFELY)
  } finally {
    fs.closeSync(folder)
  }
}

/** Oldest first; lines that do not parse (torn by a crash) are left out.  At most the last `mostBytes`. */
export function readJsonLines(name: string, mostBytes: number): readonly unknown[] {
  const values: unknown[] = []
  for (const line of readTail(name, mostBytes).toString('utf8').split('\n')) {
    try {
      values.push(JSON.parse(line))
    } catch {
      continue
    }
  }
  return values
}

/** The end of the file, from the start of a line; empty when there is none. */
export function readTail(name: string, mostBytes: number): Buffer {
  return attempt('read', name, () => {
    let fd: number
    try {
      fd = openBelow(name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
      throw error
    }
    try {
      const size = fs.fstatSync(fd).size
      return newest(readFrom(fd, Math.max(0, size - mostBytes - 1), size), mostBytes)
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Whole lines from the end, at most `mostBytes` of them. */
function newest(bytes: Buffer, mostBytes: number): Buffer {
  if (bytes.length <= mostBytes) return bytes
  const from = bytes.indexOf(NEWLINE, bytes.length - Math.floor(mostBytes) - 1)
  return from === -1 ? Buffer.alloc(0) : bytes.subarray(from + 1)
}

const isTorn = (end: Buffer): boolean => end.length > 0 && end.at(-1) !== NEWLINE

async function sync(name: string, flags: number): Promise<void> {
  const fd = attempt('sync', name, () => fs.openSync(name, flags | SAFELY))
  try {
    await fsync(fd)
  } catch (error) {
    throw new DiskError('sync', name, error)
  } finally {
    fs.closeSync(fd)
  }
}

function readFrom(fd: number, from: number, to: number): Buffer {
  const room = Buffer.alloc(to - from)
  let got = 0
  while (got < room.length) {
    const more = fs.readSync(fd, room, got, room.length - got, from + got)
    if (more === 0) break
    got += more
  }
  return room.subarray(0, got)
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at)
}

function attempt<T>(verb: string, name: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw error instanceof DiskError ? error : new DiskError(verb, name, error)
  }
}
