/** A database as a file: what its header, its size and its log tell without SQLite. */
import {
  headerBytes,
  headerOf,
  logIndexBytes,
  logIndexOf,
  logReader,
  type Header,
  type LogIndex,
  type LogSeen,
} from '../host/sqlite-file.ts'
import type { FileStat } from '../host/disk.ts'
import type { Role } from '../openclaw/databases.ts'
import { dirName } from '../openclaw/posix-path.ts'
import type { Eyes } from './eyes.ts'

/** What SQLite keeps beside a database. */
const sidecars = ['-wal', '-shm', '-journal'] as const
/** The gateway's own limit (journal_size_limit); a longer log is not gone through frame by frame. */
const logLimitBytes = 64 * 1024 * 1024
const pieceBytes = 1024 * 1024

export interface DatabaseSeen {
  readonly role: Role
  readonly agentId: string | null
  readonly path: string
  /** Null when there is no such file, but something of it: a sidecar. */
  readonly stat: FileStat | null
  readonly header: Header
  readonly log: LogSeen
  /** What its index knows of the log, where it knows anything. */
  readonly index: LogIndex | undefined
  readonly beside: readonly { readonly path: string; readonly stat: FileStat }[]
  /** Of the header in force: the newest in the log, else the file's. */
  readonly userVersion: number | null
}

/** Undefined when nothing of it is there, or nothing that may be looked at (then that is a finding). */
export async function outsideOf(
  eyes: Eyes,
  which: Pick<DatabaseSeen, 'role' | 'agentId' | 'path'>,
): Promise<DatabaseSeen | undefined> {
  const stat = (await eyes.file(which.path)) ?? null
  const beside: { path: string; stat: FileStat }[] = []
  for (const end of sidecars) {
    const side = await eyes.stat(which.path + end)
    if (side?.kind === 'file') beside.push({ path: which.path + end, stat: side })
  }
  if (stat === null && beside.length === 0) return undefined
  if (!(await eyes.isInPlace(dirName(which.path)))) return undefined
  const head = stat === null ? Buffer.alloc(0) : await eyes.read(which.path, 0, headerBytes)
  if (head === undefined) return undefined
  const header = headerOf(head)
  const wal = beside.find(({ path }) => path.endsWith('-wal'))
  const shm = beside.find(({ path }) => path.endsWith('-shm'))
  const readIndex = async () => (shm === undefined ? undefined : await eyes.read(shm.path, 0, logIndexBytes))
  const before = await readIndex()
  const read = await logIn(eyes, wal)
  const after = await readIndex()
  // A command of the gateway's that writes meanwhile begins the log anew, or goes on with it: two halves prove nothing.
  const isStill = before === undefined ? after === undefined : after?.equals(before) === true
  const log: LogSeen = isStill || read.is !== 'log' ? read : { ...read, lostCommits: 0 }
  const index = isStill && after !== undefined ? logIndexOf(after) : undefined
  const newer = log.is === 'log' ? log.firstPage : null
  const inForce = newer?.is === 'database' ? newer : header
  const userVersion = inForce.is === 'database' ? inForce.userVersion : null
  return { ...which, stat, header, log, index, beside, userVersion }
}

/** The same as long as neither the log nor what its index knows of it is another one. */
export const logSight = ({ log, index }: DatabaseSeen): string =>
  [
    log.is,
    log.is === 'log' ? `${log.salts} ${log.frames}` : '',
    index === undefined ? '' : `${index.salts} ${index.frames} ${index.folded}`,
  ].join()

async function logIn(eyes: Eyes, wal: DatabaseSeen['beside'][number] | undefined): Promise<LogSeen> {
  const reader = logReader()
  if (wal === undefined || wal.stat.bytes > logLimitBytes) return reader.seen()
  for (let at = 0; at < wal.stat.bytes; at += pieceBytes) {
    const piece = await eyes.read(wal.path, at, Math.min(at + pieceBytes, wal.stat.bytes))
    if (piece === undefined) break
    reader.feed(piece)
  }
  return reader.seen()
}
