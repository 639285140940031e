/**
 * Snapshots of agents that are there no more, in a state that was confirmed all the same: their user deleted them. What
 * they had can be wanted back, so the newest with sessions stays for a month from when they were first missed; a file
 * beside it, `gone`, says since when.
 *
 * An agent whose database is lost, and whose user has accepted that, was not deleted: what snapshots there are of it are
 * damaged, and the last that is left of what it had. They stay, all of them, until the gateway has begun a new database
 * and newer ones take their place.
 */
import { DiskError } from '../host/disk.ts'
import { agentStore } from '../openclaw/databases.ts'
import type { DatabaseSeen } from './database-file.ts'
import {
  agentsWithSnapshots,
  forget,
  folderOf,
  lifeIn,
  snapshots,
  type Snapshot,
} from './database-snapshots.ts'
import { isoOf } from './iso.ts'
import { nameOf } from './places.ts'
import type { Site } from './site.ts'
import type { Store } from './verdict.ts'

const keptForMs = 30 * 24 * 60 * 60 * 1000

/**
 * How many bytes they take, and what a person should know. `lost`: databases whose loss was accepted. Of a state whose databases were not looked into (of files, or
 * newer than is known, or by a Node without SQLite) nobody is known to be gone.
 */
export async function keepOfGoneAgents(
  site: Site,
  store: Store,
  databases: readonly DatabaseSeen[],
  lost: readonly string[] = [],
): Promise<{ readonly bytes: number; readonly told: readonly string[] }> {
  const there = new Set(
    databases.flatMap(({ agentId, stat }) => (agentId !== null && stat !== null ? [agentId] : [])),
  )
  const told: string[] = []
  let bytes = 0
  if (store !== 'sqlite' || site.databases === undefined) return { bytes, told }
  for (const agentId of await agentsWithSnapshots(site)) {
    const of = { role: 'agent', agentId } as const
    const mark = `${folderOf(site, of)}/gone`
    const isLost = lost.includes(agentStore(agentId))
    try {
      if (there.has(agentId) || isLost) {
        if ((await site.disk.stat(mark)) !== undefined) await site.disk.remove(mark)
        if (isLost) for (const { stat } of await snapshots(site, of)) bytes += stat.bytes
        continue
      }
      const left = await keepOfOne(site, await snapshots(site, of), mark)
      bytes += left.bytes
      if (left.told !== null) told.push(`${nameOf(site, folderOf(site, of))}: ${left.told}`)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      told.push(error.message)
    }
  }
  return { bytes, told }
}

async function keepOfOne(
  site: Site,
  all: readonly Snapshot[],
  mark: string,
): Promise<{ readonly bytes: number; readonly told: string | null }> {
  const since = await goneSince(site, mark)
  if (all.length === 0) return { bytes: 0, told: null }
  const now = site.now()
  if (since !== undefined && now - since > keptForMs) {
    for (const one of all) await forget(site, one)
    await site.disk.remove(mark)
    return {
      bytes: 0,
      told: `its agent is gone since ${isoOf(since)}: its last snapshot was removed`,
    }
  }
  const kept = await newestWorthIt(site, all)
  for (const one of all) if (one !== kept) await forget(site, one)
  if (since !== undefined) return { bytes: kept.stat.bytes, told: null }
  if ((await site.disk.stat(mark)) !== undefined) await site.disk.remove(mark)
  await site.disk.create(mark, [Buffer.from(`${now}\n`)], 0o600)
  return {
    bytes: kept.stat.bytes,
    told: `its agent is gone: its snapshot of ${isoOf(kept.takenAt)} is kept until ${isoOf(now + keptForMs)}`,
  }
}

async function newestWorthIt(site: Site, all: readonly Snapshot[]): Promise<Snapshot> {
  for (const one of all.toReversed()) if (((await lifeIn(site, one))?.sessions ?? 0) > 0) return one
  return all.at(-1)!
}

/** Undefined where nothing that can be read says so. */
async function goneSince({ disk }: Site, mark: string): Promise<number | undefined> {
  const stat = await disk.stat(mark)
  if (stat?.kind !== 'file' || stat.bytes > 32) return undefined
  const at = Number((await disk.read(mark, 0, stat.bytes)).toString('utf8'))
  return Number.isSafeInteger(at) && at > 0 && at <= 8.64e15 - keptForMs ? at : undefined
}
