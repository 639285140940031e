/** What a name holds, told by content: a step acts only on exactly what was inspected. */
import { createHash } from 'node:crypto'
import { type Disk, DiskError, type FileStat } from '../host/disk.ts'
import type { Fingerprint } from './finding.ts'

const PIECE_BYTES = 1 << 20

/** Something else writes here: the file is not what it was a moment ago.  Nothing was lost, nothing is forced. */
export class Conflict extends Error {
  override name = 'Conflict'
}

/** A name that was there a moment ago, and is gone now or something else, says the same as a changed content. */
const MOVED = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY', 'ENOTREG', 'ELOOP', 'EINVAL'])

export const conflictIn = (error: unknown): Conflict | undefined => {
  if (error instanceof Conflict) return error
  return error instanceof DiskError && MOVED.has(error.code) ? new Conflict(error.message) : undefined
}

export interface Sight {
  readonly fingerprint: Fingerprint
  /** From before it was read: a later look that finds the same says that nothing changed meanwhile. */
  readonly stat: FileStat | undefined
}

export async function sight(disk: Disk, path: string): Promise<Sight> {
  const stat = await disk.stat(path)
  switch (stat?.kind) {
    case undefined:
      return { fingerprint: 'missing', stat }
    case 'file':
      return { fingerprint: await hashed(disk, path, stat), stat }
    case 'link':
      return { fingerprint: `link:${await disk.readLink(path)}`, stat }
    case 'directory':
      return { fingerprint: await listed(disk, path), stat }
    case 'other':
      return { fingerprint: `other:${stat.dev}:${stat.ino}`, stat }
  }
}

/** The same bytes in the same inode.  Links and ctime change when we keep it. */
export const isSame = (one: FileStat | undefined, other: FileStat | undefined): boolean =>
  one === undefined || other === undefined
    ? one === other
    : isSameInode(one, other) && one.bytes === other.bytes && one.mtimeMs === other.mtimeMs

export const isSameInode = (one: FileStat, other: FileStat): boolean =>
  one.kind === other.kind && one.dev === other.dev && one.ino === other.ino

async function hashed(disk: Disk, path: string, stat: FileStat): Promise<Fingerprint> {
  const hash = createHash('sha256')
  for (let at = 0; at < stat.bytes; at += PIECE_BYTES)
    hash.update(await disk.read(path, at, Math.min(stat.bytes, at + PIECE_BYTES)))
  return `sha256:${hash.digest('hex')}`
}

/** The names in it: enough to see that it is the directory that was meant; it is only ever moved whole. */
async function listed(disk: Disk, path: string): Promise<Fingerprint> {
  const names = (await disk.list(path)).map((entry) => `${entry.kind} ${entry.name}`).sort()
  return `directory:${createHash('sha256').update(names.join('\0')).digest('hex')}`
}
