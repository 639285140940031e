/** A database as a file: what its header, its size and its log tell without SQLite. */
import { headerBytes, headerOf, logOf, type Header, type LogSeen } from '../host/sqlite-file.ts'
import type { FileStat } from '../host/disk.ts'
import type { Role } from '../openclaw/databases.ts'
import type { Eyes } from './eyes.ts'

/** What SQLite keeps beside a database. */
const sidecars = ['-wal', '-shm', '-journal'] as const
/** The gateway's own limit (journal_size_limit); a longer log is not gone through frame by frame. */
const logLimitBytes = 64 * 1024 * 1024

export interface DatabaseSeen {
  readonly role: Role
  readonly agentId: string | null
  readonly path: string
  /** Null when there is no such file, but something of it: a sidecar. */
  readonly stat: FileStat | null
  readonly header: Header
  readonly log: LogSeen
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
  const head = stat === null ? Buffer.alloc(0) : await eyes.read(which.path, 0, headerBytes)
  if (head === undefined) return undefined
  const header = headerOf(head)
  const wal = beside.find(({ path }) => path.endsWith('-wal'))
  const bytes =
    wal === undefined || wal.stat.bytes > logLimitBytes
      ? Buffer.alloc(0)
      : await eyes.read(wal.path, 0, wal.stat.bytes)
  const log = logOf(bytes ?? Buffer.alloc(0))
  const newer =
    log.is === 'log' && log.firstPageAt !== null
      ? headerOf(bytes!.subarray(log.firstPageAt, log.firstPageAt + headerBytes))
      : undefined
  const inForce = newer?.is === 'database' ? newer : header
  const userVersion = inForce.is === 'database' ? inForce.userVersion : null
  return { ...which, stat, header, log, beside, userVersion }
}
