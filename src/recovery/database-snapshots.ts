/**
 * Snapshots of databases: what a confirmed look left, a few generations of each.
 *
 *   <state>/supervise/snapshots/databases/<role>[-<agent>]/<time in ms>.sqlite
 *
 * Made by SQLite's own backup, verified after writing, named at last: what bears the name is whole.
 */
import { DiskError, type FileStat } from '../host/disk.ts'
import { dirName } from '../openclaw/posix-path.ts'
import { headerBytes, headerOf, sizeAgainst } from '../host/sqlite-file.ts'
import type { DatabaseSeen } from './look-at-database-file.ts'
import { nameOf, ownFolder } from './places.ts'
import type { Site } from './site.ts'

export interface Snapshot {
  readonly path: string
  readonly stat: FileStat
  /** ms since the epoch. */
  readonly takenAt: number
}

type Of = Pick<DatabaseSeen, 'role' | 'agentId'>

const name = /^(\d{13})\.sqlite$/

const folderOf = (site: Site, { role, agentId }: Of): string =>
  `${ownFolder(site)}/snapshots/databases/${role}${agentId === null ? '' : `-${agentId}`}`

const agentFolder = /^agent-([^./\0][^/\0]*)$/

/** Sound or not. */
export async function agentsWithSnapshots(site: Site): Promise<readonly string[]> {
  const dir = dirName(folderOf(site, { role: 'state', agentId: null }))
  try {
    if ((await site.disk.stat(dir))?.kind !== 'directory') return []
    return (await site.disk.list(dir)).flatMap(({ name }) => agentFolder.exec(name)?.[1] ?? [])
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    return []
  }
}

/** The newest that is whole, as far as its outside tells. */
export async function newestSnapshot(site: Site, of: Of): Promise<Snapshot | null> {
  for (const snapshot of (await snapshots(site, of)).toReversed())
    if (await isWhole(site, snapshot)) return snapshot
  return null
}

async function isWhole({ disk }: Site, { path, stat }: Snapshot): Promise<boolean> {
  try {
    const head = headerOf(await disk.read(path, 0, headerBytes))
    return head.is === 'database' && sizeAgainst(head, stat.bytes) === null
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    return false
  }
}

/** So many of each are kept. */
const generations = 3
/** A larger one would be felt at each start. */
const mostBytes = 256 * 1024 * 1024

/** Of each database that changed since its newest snapshot; says of which there is none, and why. */
export async function snapshotAll(
  site: Site,
  databases: readonly DatabaseSeen[],
): Promise<readonly string[]> {
  const trouble: string[] = []
  if (site.databases === undefined) return trouble
  for (const one of databases) {
    if (one.stat === null || one.header.is !== 'database') continue
    const there = await snapshots(site, one)
    const log = one.beside.find(({ path }) => path.endsWith('-wal'))?.stat
    const newest = there.at(-1)?.takenAt ?? 0
    if (newest > Math.max(one.stat.mtimeMs, log?.mtimeMs ?? 0)) continue
    const bytes = one.stat.bytes + (log?.bytes ?? 0)
    const to = `${folderOf(site, one)}/${Math.max(Math.floor(site.now()), newest + 1)}.sqlite`
    const why =
      bytes > mostBytes
        ? `${bytes} bytes, over the ${mostBytes} that a snapshot may take`
        : await site.databases.snapshot(one.path, to)
    if (why !== null) trouble.push(`${nameOf(site, one.path)}: ${why}`)
    else
      for (const old of there.slice(0, Math.max(0, there.length + 1 - generations))) await forget(site, old)
  }
  return trouble
}

/** One too many is no reason to hold a start back. */
async function forget(site: Site, { path }: Snapshot): Promise<void> {
  try {
    await site.disk.remove(path)
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
  }
}

/** Oldest first. */
async function snapshots(site: Site, of: Of): Promise<readonly Snapshot[]> {
  const { disk } = site
  const dir = folderOf(site, of)
  const found: Snapshot[] = []
  try {
    if ((await disk.stat(dir))?.kind !== 'directory') return []
    for (const entry of await disk.list(dir)) {
      const takenAt = name.exec(entry.name)?.[1]
      const stat = takenAt === undefined ? undefined : await disk.stat(`${dir}/${entry.name}`)
      if (stat?.kind === 'file') found.push({ path: `${dir}/${entry.name}`, stat, takenAt: Number(takenAt) })
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
  }
  return found.toSorted((a, b) => a.takenAt - b.takenAt)
}
