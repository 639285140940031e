/**
 * Snapshots of databases: what a confirmed look left, a few generations of each.
 *
 *   <state>/supervise/snapshots/databases/<role>[-<agent>]/<time in ms>.sqlite
 *
 * Made by SQLite's own backup, verified after writing, named at last: what bears the name was whole. It is verified
 * again before anything is restored from it; a disk may lose what it holds.
 */
import { DiskError, type FileStat } from '../host/disk.ts'
import { dirName } from '../openclaw/posix-path.ts'
import { headerBytes, headerOf, sizeAgainst } from '../host/sqlite-file.ts'
import { lifeOf, metaOf, questions, roleInside, type Life } from '../openclaw/databases.ts'
import type { DatabaseSeen } from './database-file.ts'
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

export const folderOf = (site: Site, { role, agentId }: Of): string =>
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

/** The newest that a gateway would take, as far as it can be asked: else the one before it. */
export async function soundSnapshot(site: Site, of: Of): Promise<Snapshot | null> {
  for (const snapshot of (await snapshots(site, of)).toReversed())
    if ((await isWhole(site, snapshot)) && (await isSound(site, of, snapshot))) return snapshot
  return null
}

async function isSound({ databases }: Site, { role, agentId }: Of, { path }: Snapshot): Promise<boolean> {
  const looked = await databases?.look(path, {
    depth: 'quick',
    json: [],
    ask: { meta: questions[role].meta },
  })
  if (looked === undefined || looked.is === 'cannot-tell') return true
  if (looked.is === 'unreadable' || looked.damage.length > 0 || looked.userVersion === 0) return false
  const meta = metaOf(looked.answers['meta'])
  return meta?.role === roleInside[role] && (agentId === null || meta.agentId === agentId)
}

export interface EarlierLife extends Snapshot {
  readonly sessions: number
  /** Of the same database, or of one that stood in its place; null where that is not known. */
  readonly isSame: boolean | null
}

/** The newest snapshot of an agent that has sessions: of one in whose place another stands now, a sound one. */
export async function newestWithSessions(site: Site, of: Of, now: Life): Promise<EarlierLife | null> {
  for (const snapshot of (await snapshots(site, of)).toReversed()) {
    const life = await lifeIn(site, snapshot)
    const sessions = life?.sessions ?? 0
    if (sessions === 0) continue
    const isSame = life?.born == null || now.born === null ? null : life.born === now.born
    if (isSame !== false || (await isSound(site, of, snapshot))) return { ...snapshot, sessions, isSame }
  }
  return null
}

/** The newest sound one of another database than the one that stands there now, where any is known to be. */
export async function ofAnEarlierLife(
  site: Site,
  of: Of,
  born: number,
): Promise<(Snapshot & { readonly userVersion: number }) | null> {
  const all = await snapshots(site, of)
  const [oldest] = all
  // They go by age, and the last of an earlier life stays: where the oldest is of this one, all are.
  if (oldest === undefined || (await lifeIn(site, oldest))?.born === born) return null
  for (const snapshot of all.toReversed()) {
    const { born: then = null, userVersion = 0 } = (await lifeIn(site, snapshot)) ?? {}
    if (then === null || then === born) continue
    if (await isSound(site, of, snapshot)) return { ...snapshot, userVersion }
  }
  return null
}

/** Of a control plane: when it was made, and no sessions. */
export async function lifeIn(
  { databases }: Site,
  { path }: Pick<Snapshot, 'path'>,
): Promise<(Life & { readonly userVersion: number }) | null> {
  const { sessions, born } = questions.agent
  const looked = await databases?.look(path, { depth: 'none', json: [], ask: { sessions, born } })
  return looked?.is === 'read' ? { ...lifeOf(looked.answers), userVersion: looked.userVersion } : null
}

/** So many of each are kept. */
const generations = 3
/** A larger one would be felt at each start. */
const mostBytes = 256 * 1024 * 1024
/** Of all databases together. */
const mostOfAllBytes = 2 * 1024 * 1024 * 1024
/** For all that one look takes: the rest waits for the next. */
const mostMs = 30_000

/**
 * Of each database that changed since its newest snapshot; says of which there is none, and why. `takenBytes`: by
 * snapshots of others.
 */
export async function snapshotAll(
  site: Site,
  databases: readonly DatabaseSeen[],
  takenBytes = 0,
  { ofAllBytes, forMs }: Bounds = { ofAllBytes: mostOfAllBytes, forMs: mostMs },
): Promise<readonly string[]> {
  const trouble: string[] = []
  if (site.databases === undefined) return trouble
  const wanted = []
  let kept = takenBytes
  for (const one of databases) {
    const there = await snapshots(site, one)
    kept += bytesOf(there)
    if (one.stat === null || one.header.is !== 'database') continue
    const log = one.beside.find(({ path }) => path.endsWith('-wal'))?.stat
    const newest = there.at(-1)?.takenAt ?? 0
    if (newest > Math.max(one.stat.mtimeMs, log?.mtimeMs ?? 0)) continue
    wanted.push({ one, there, newest, bytes: one.stat.bytes + (log?.bytes ?? 0) })
  }
  const beganAt = performance.now()
  // Those that were passed over the last time come first.
  for (const { one, there, newest, bytes } of wanted.toSorted((a, b) => a.newest - b.newest)) {
    const to = `${folderOf(site, one)}/${Math.max(Math.floor(site.now()), newest + 1)}.sqlite`
    const spentMs = performance.now() - beganAt
    const room = ofAllBytes - kept + bytesOf(there.slice(0, excess(there)))
    const why =
      bytes > mostBytes
        ? `${bytes} bytes, over the ${mostBytes} that a snapshot may take`
        : bytes > room
          ? `${bytes} bytes, and ${kept} are taken by snapshots already, of the ${ofAllBytes} that all may take`
          : spentMs >= forMs
            ? `left for the next look: snapshots took ${Math.round(spentMs)} ms already`
            : await site.databases.snapshot(one.path, to)
    if (why !== null) trouble.push(`none taken of ${nameOf(site, one.path)}: ${why}`)
    else kept += await rotate(site, one, there, to)
  }
  return trouble
}

export interface Bounds {
  readonly ofAllBytes: number
  readonly forMs: number
}

const bytesOf = (all: readonly Snapshot[]): number => all.reduce((sum, { stat }) => sum + stat.bytes, 0)

const excess = (there: readonly Snapshot[]): number => Math.max(0, there.length + 1 - generations)

/** By how many bytes there are more. */
async function rotate(site: Site, of: Of, there: readonly Snapshot[], fresh: string): Promise<number> {
  const spared = excess(there) > 0 ? await lastOfAnEarlierLife(site, of, there, fresh) : null
  const old = there.filter((one) => one !== spared).slice(0, excess(there))
  for (const one of old) await forget(site, one)
  return ((await site.disk.stat(fresh))?.bytes ?? 0) - bytesOf(old)
}

/** A database that was emptied, or made anew, never pushes out the last snapshot of what it was. */
async function lastOfAnEarlierLife(
  site: Site,
  { role }: Of,
  there: readonly Snapshot[],
  fresh: string,
): Promise<Snapshot | null> {
  const now = await lifeIn(site, { path: fresh })
  for (const one of there.toReversed()) {
    const life = await lifeIn(site, one)
    const isWorthIt = role === 'state' || (life?.sessions ?? 0) > 0
    if (isWorthIt && ((role === 'agent' && now?.sessions === 0) || isAnother(now, life))) return one
  }
  return null
}

/** Of another database than the one that stands there now; false where it is not known. */
const isAnother = (one: Life | null, other: Life | null): boolean =>
  one?.born != null && other?.born != null && one.born !== other.born

/** One too many is no reason to hold a start back. */
export async function forget(site: Site, { path }: Snapshot): Promise<void> {
  try {
    await site.disk.remove(path)
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
  }
}

/** Oldest first. */
export async function snapshots(site: Site, of: Of): Promise<readonly Snapshot[]> {
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
