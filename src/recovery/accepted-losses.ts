/**
 * Databases that are gone, and whose loss a person has accepted: they are held against no start any more, each until it
 * is there again. In `supervise/accepted-losses.json`; one that cannot be read accepts nothing.
 */
import { DiskError } from '../host/disk.ts'
import { ownFolder, parentOf, pathOf } from './places.ts'
import { listOf, oneOf, record, text } from './shape.ts'
import type { Site } from './site.ts'

const version = 1
const limitBytes = 1024 * 1024
const fileOf = (site: Site): string => `${ownFolder(site)}/accepted-losses.json`

/** By name, relative to the state directory. */
export async function acceptedLosses(site: Site): Promise<ReadonlySet<string>> {
  try {
    if ((await site.disk.stat(ownFolder(site)))?.kind !== 'directory') return new Set()
    const stat = await site.disk.stat(fileOf(site))
    if (stat?.kind !== 'file' || stat.bytes > limitBytes) return new Set()
    const parsed: unknown = JSON.parse((await site.disk.read(fileOf(site), 0, stat.bytes)).toString('utf8'))
    return isStored(parsed) ? new Set((parsed as Stored).databases) : new Set()
  } catch (error) {
    if (error instanceof DiskError || error instanceof SyntaxError) return new Set()
    throw error
  }
}

/** Those that were accepted now, and those of before that are still gone. */
export async function keepAcceptedLosses(site: Site, now: readonly string[]): Promise<void> {
  const { disk } = site
  const before = await acceptedLosses(site)
  const databases = new Set(now)
  for (const name of before)
    if (((await disk.stat(pathOf(site, name)))?.bytes ?? 0) === 0) databases.add(name)
  if (databases.size === before.size && [...databases].every((name) => before.has(name))) return
  const path = fileOf(site)
  if (databases.size === 0) {
    await disk.remove(path)
  } else {
    const fresh = `${path}.new`
    await disk.mkdir(ownFolder(site), 0o700)
    const stored: Stored = { version, databases: [...databases].toSorted() }
    if ((await disk.stat(fresh)) !== undefined) await disk.remove(fresh)
    await disk.create(fresh, [Buffer.from(`${JSON.stringify(stored)}\n`)], 0o600)
    await disk.sync(fresh)
    await disk.rename(fresh, path)
  }
  await disk.syncDir(parentOf(path))
}

interface Stored {
  readonly version: number
  readonly databases: readonly string[]
}

const isStored = record({ version: oneOf(version), databases: listOf(text) })
