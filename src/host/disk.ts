/**
 * What recovery needs of the file system, and the only way it touches one.
 *
 * A seam on purpose: the real disk (real-disk.ts) and the double that loses power, fills up and fails
 * (test/doubles/crash-disk.ts) are held to one contract suite.
 *
 * Paths are absolute.  No method follows a symbolic link in the last component.  Every method that changes
 * something is one point at which the machine can die; none is durable before the matching `sync`/`syncDir`.
 * A failure is a DiskError that says what was tried, on which path, with the system's code.
 */

import type { Survey } from './survey.ts'

export type FileKind = 'file' | 'directory' | 'link' | 'other'

export interface DirEntry {
  readonly name: string
  readonly kind: FileKind
}

export interface FileStat {
  readonly kind: FileKind
  readonly bytes: number
  /** Times in ms since the epoch, with the fraction the file system gives. */
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly dev: number
  readonly ino: number
  readonly links: number
  /** Permission bits only. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Bytes given, or a range of a file to be copied without passing through memory whole. `to` is exclusive. */
export type Segment = Uint8Array | { readonly path: string; readonly from: number; readonly to: number }

export interface Disk {
  /** In no particular order. */
  list(dir: string): Promise<readonly DirEntry[]>
  /** `list`, and `stat` of each name; what is gone again by then is left out. */
  survey(dir: string): Promise<Survey>
  /** Undefined when there is nothing of that name. */
  stat(path: string): Promise<FileStat | undefined>
  /** At most `to - from` bytes of a regular file; fewer when it ends earlier. Never blocks on a FIFO. */
  read(path: string, from: number, to: number): Promise<Buffer>
  /** Where a symbolic link points, unresolved. */
  readLink(path: string): Promise<string>
  /** A new file; fails with EEXIST when the name is taken. */
  create(path: string, content: readonly Segment[], mode: number): Promise<void>
  /** To a file that exists. */
  append(path: string, bytes: Uint8Array): Promise<void>
  /** A second name for a file. */
  link(from: string, to: string): Promise<void>
  /** Replaces a file at `to`. */
  rename(from: string, to: string): Promise<void>
  /**
   * Two names of one directory change places in one instant, so that whatever stood under either is still there
   * afterwards.  False, and nothing changed, where the system or the file system cannot.
   */
  exchange(one: string, other: string): Promise<boolean>
  /** A file or an empty directory. */
  remove(path: string): Promise<void>
  /** One level; an existing directory is fine. */
  mkdir(path: string, mode: number): Promise<void>
  /** Ownership and permissions of `path`, a file or a directory, become those of `like` as far as the process may. */
  copyOwner(path: string, like: FileStat): Promise<void>
  /** When a file was changed last, to the microsecond before, as far as the process may say so. */
  setTime(path: string, mtimeMs: number): Promise<void>
  sync(path: string): Promise<void>
  syncDir(dir: string): Promise<void>
}

export class DiskError extends Error {
  override name = 'DiskError'
  readonly code: string
  readonly path: string
  constructor(verb: string, path: string, cause: unknown) {
    const code = (cause as { code?: unknown } | undefined)?.code
    super(`cannot ${verb} ${JSON.stringify(path)}: ${typeof code === 'string' ? code : String(cause)}`, {
      cause,
    })
    this.code = typeof code === 'string' ? code : 'UNKNOWN'
    this.path = path
  }
  /** A cause that can go away by itself: full, failing or read-only for now, out of descriptors. */
  get canPass(): boolean {
    return passing.includes(this.code)
  }
}

const passing: readonly string[] = [
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'EBUSY',
  'ESTALE',
  'ETIMEDOUT',
  'EAGAIN',
  'EINTR',
  'ENOMEM',
]

/** What a call of the system's refused is the disk's affair; anything else that was thrown is a bug, and stays one. */
export const asDiskError = (verb: string, path: string, error: unknown): unknown =>
  error instanceof Error && !(error instanceof DiskError) && 'syscall' in error
    ? new DiskError(verb, path, error)
    : error

/** Which refusal is behind an error: the disk's, or the system's where it can pass (no free descriptor, for one). */
export function diskErrorIn(error: unknown): DiskError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof DiskError) return one
    if (!('syscall' in one)) continue
    const { syscall, path = '' } = one as { syscall: unknown; path?: unknown }
    const refused = new DiskError(String(syscall), String(path), one)
    if (refused.canPass) return refused
  }
  return undefined
}
