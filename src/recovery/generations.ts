/**
 * Generations as they lie on the disk: one file each, named by when it was taken, what it was taken from, and its
 * SHA-256.  One that does not match its name is none.  How they come there: take-generations.ts.
 */
import { DiskError, type FileStat } from '../host/disk.ts'
import { indexLimitBytes, sessionIndex, type SessionEntry } from '../openclaw/session-index.ts'
import { sha256 } from './hash.ts'
import { nameOf, snapshotsFolder } from './places.ts'
import type { Site } from './site.ts'

export interface Generation {
  readonly path: string
  /** ms since the epoch; later generations have later ones, also when the clock was set back. */
  readonly takenAt: number
  /** Of the file that it was taken from. */
  readonly ino: number
  readonly mtimeMs: number
  readonly bytes: number
  readonly sha256: string
}

/** Newest first.  None where there is no folder of ours. */
export async function generationsOf(site: Site, path: string): Promise<readonly Generation[]> {
  const slot = slotOf(site, path)
  for (const folder of [snapshotsFolder(site), slot])
    if ((await site.disk.stat(folder))?.kind !== 'directory') return []
  const found: Generation[] = []
  for (const { name, kind } of await site.disk.list(slot)) {
    const read = kind === 'file' ? readName(name) : undefined
    if (read !== undefined) found.push({ ...read, path: `${slot}/${name}` })
  }
  return found.toSorted((a, b) => b.takenAt - a.takenAt || (a.path < b.path ? 1 : -1))
}

/** For a look: what cannot be listed is not there. */
export async function readableGenerations(site: Site, path: string): Promise<readonly Generation[]> {
  try {
    return await generationsOf(site, path)
  } catch (error) {
    if (error instanceof DiskError) return []
    throw error
  }
}

/** Undefined when it is not what its name says, or longer than what is ever kept. */
export async function contentOf(
  site: Site,
  generation: Generation,
): Promise<{ readonly stat: FileStat; readonly bytes: Buffer } | undefined> {
  try {
    const stat = await site.disk.stat(generation.path)
    if (stat?.kind !== 'file' || stat.bytes !== generation.bytes || stat.bytes > indexLimitBytes)
      return undefined
    const bytes = await site.disk.read(generation.path, 0, stat.bytes)
    return sha256(bytes) === generation.sha256 ? { stat, bytes } : undefined
  } catch (error) {
    if (error instanceof DiskError) return undefined
    throw error
  }
}

export interface IndexGeneration {
  readonly generation: Generation
  readonly stat: FileStat
  readonly bytes: Buffer
  readonly entries: ReadonlyMap<string, SessionEntry | null>
}

/** The newest that is sound and knows a session. */
export async function newestIndex(
  site: Site,
  generations: readonly Generation[],
): Promise<IndexGeneration | undefined> {
  for (const generation of generations) {
    const content = await contentOf(site, generation)
    const index = content === undefined ? undefined : sessionIndex(content.bytes)
    if (content === undefined || index?.is !== 'sound' || index.entries.size === 0) continue
    return { generation, ...content, entries: index.entries }
  }
  return undefined
}

/** Named by the file, so that a person finds it. */
export function slotOf(site: Site, path: string): string {
  const name = encodeURIComponent(nameOf(site, path))
  return `${snapshotsFolder(site)}/${name.length <= 200 ? name : `sha256-${sha256(name)}`}`
}

/** Of times, files keep more digits than a name needs. */
export const wholeMicroseconds = (ms: number): number => Math.round(ms * 1000) / 1000

export const generationName = (one: Omit<Generation, 'path'>): string =>
  [
    new Date(one.takenAt).toISOString().replaceAll(/[-:.]/g, ''),
    one.ino,
    Math.round(one.mtimeMs * 1000),
    one.bytes,
    one.sha256,
  ].join('-')

const form = String.raw`(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d+)-(-?\d+)-(\d+)-([0-9a-f]{64})`
const finished = new RegExp(`^${form}$`)
export const unfinished = new RegExp(String.raw`^${form}\.new$`)

function readName(name: string): Omit<Generation, 'path'> | undefined {
  const [, year, month, day, hour, minute, second, ms, ino, mtimeUs, bytes, hash] = finished.exec(name) ?? []
  if (hash === undefined) return undefined
  const takenAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`)
  if (Number.isNaN(takenAt)) return undefined
  return { takenAt, ino: Number(ino), mtimeMs: Number(mtimeUs) / 1000, bytes: Number(bytes), sha256: hash }
}
