/**
 * The last confirmed look: which files were there, each named by inode, size and times, so that the next look
 * reads only what changed since.
 *
 * Never a reason to call something sound that is not: a checkpoint that is missing, torn, of another version or
 * of another state directory is no checkpoint, and a file that could have changed again within one tick of the
 * file system's clock after it was looked at is left out (git calls such an entry racily clean).
 */
import { createHash } from 'node:crypto'
import { DiskError, type FileStat } from '../host/disk.ts'
import type { Finding } from './finding.ts'
import { ownFolder } from './places.ts'
import { nameOf, parentOf } from './places.ts'
import { count, finite, listOf, oneOf, orNone, pairOf, record, text } from './shape.ts'
import type { Site } from './site.ts'

/** Inode, size, mtime, ctime of a file; the device is one for the whole checkpoint. */
export type Mark = readonly [ino: number, bytes: number, mtimeMs: number, ctimeMs: number]

export interface Checkpoint {
  readonly bootId: string
  readonly dev: number
  /** By directory, relative to the state directory. */
  readonly directories: ReadonlyMap<string, Confirmed>
}

/** A directory as it was found consistent: while every mark holds, so does the rest. */
export interface Confirmed {
  /** By file name.  Without those that could have changed again unnoticed. */
  readonly marks: ReadonlyMap<string, Mark>
  readonly sessions: number
  readonly transcripts: number
  /** What was reported and left alone. */
  readonly benign: readonly Finding[]
  /** By the name of a database: how its log and the index of that stood to each other (logSight). */
  readonly logs?: readonly (readonly [string, string])[]
}

/**
 * Coarse clocks: ext4 and xfs stamp with the kernel's tick (at most 10 ms), older ext3 and some network file
 * systems with whole seconds, vfat with two.  Two seconds cover all of them.
 */
const racyMs = 2_000

export const mayBeTrusted = (stat: FileStat, beganMs: number): boolean =>
  Math.max(stat.ctimeMs, stat.mtimeMs) < beganMs - racyMs

export const markOf = (stat: FileStat): Mark => [stat.ino, stat.bytes, stat.mtimeMs, stat.ctimeMs]

export const isUnchanged = (stat: FileStat, mark: Mark | undefined): boolean =>
  mark !== undefined &&
  stat.ino === mark[0] &&
  stat.bytes === mark[1] &&
  stat.mtimeMs === mark[2] &&
  stat.ctimeMs === mark[3]

const version = 1
const limitBytes = 256 * 1024 * 1024
const pathOf = (site: Site): string => `${site.stateDir}/supervise/checkpoint.json`

/** One line of content, one line of its hash: a torn or edited checkpoint is none. */
const digest = (body: string): string => createHash('sha256').update(body).digest('hex')

export async function readCheckpoint(site: Site): Promise<Checkpoint | undefined> {
  try {
    // Through a link it would be somebody else's.
    if ((await site.disk.stat(ownFolder(site)))?.kind !== 'directory') return undefined
    const stat = await site.disk.stat(pathOf(site))
    if (stat?.kind !== 'file' || stat.bytes > limitBytes) return undefined
    const [body, hash] = (await site.disk.read(pathOf(site), 0, stat.bytes)).toString('utf8').split('\n')
    if (body === undefined || hash !== digest(body)) return undefined
    const parsed: unknown = JSON.parse(body)
    if (!isStored(parsed)) return undefined
    const stored = parsed as Stored
    const checkpoint: Checkpoint = {
      bootId: stored.bootId,
      dev: stored.dev,
      directories: new Map(
        stored.directories.map(([dir, { marks, ...rest }]) => [dir, { ...rest, marks: new Map(marks) }]),
      ),
    }
    onDisk.add(checkpoint)
    return checkpoint
  } catch (error) {
    if (error instanceof DiskError || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Those that were read back from the disk: a look that found nothing changed gives the same one again. */
const onDisk = new WeakSet<Checkpoint>()

/**
 * Taking a generation of a file by a second name changes its ctime, and nothing else: the mark that vouched for it
 * before goes on vouching.
 */
export async function afterSecondNames(
  site: Site,
  checkpoint: Checkpoint,
  paths: readonly string[],
): Promise<Checkpoint> {
  const directories = new Map(checkpoint.directories)
  for (const path of paths) {
    const dir = nameOf(site, parentOf(path))
    const name = path.slice(parentOf(path).length + 1)
    const confirmed = directories.get(dir)
    const mark = confirmed?.marks.get(name)
    const now = await site.disk.stat(path)
    if (confirmed === undefined || mark === undefined || now === undefined) continue
    if (now.ino !== mark[0] || now.bytes !== mark[1] || now.mtimeMs !== mark[2]) continue
    directories.set(dir, { ...confirmed, marks: new Map(confirmed.marks).set(name, markOf(now)) })
  }
  return paths.length === 0 ? checkpoint : { ...checkpoint, directories }
}

export async function keepCheckpoint(site: Site, checkpoint: Checkpoint): Promise<void> {
  if (onDisk.has(checkpoint)) return
  const stored: Stored = {
    version,
    bootId: checkpoint.bootId,
    dev: checkpoint.dev,
    directories: [...checkpoint.directories].map(([dir, { marks, ...rest }]) => [
      dir,
      { ...rest, marks: [...marks] },
    ]),
  }
  const body = JSON.stringify(stored)
  const path = pathOf(site)
  const fresh = `${path}.new`
  const folder = `${site.stateDir}/supervise`
  await site.disk.mkdir(folder, 0o700)
  if ((await site.disk.stat(fresh)) !== undefined) await site.disk.remove(fresh)
  await site.disk.create(fresh, [Buffer.from(`${body}\n${digest(body)}\n`)], 0o600)
  // Not synced: nobody waits for it between a crash and the next start. What a power cut leaves of it is torn, and
  // then none, or an earlier one, whose marks still name exactly the files that it confirmed.
  await site.disk.rename(fresh, path)
}

interface Stored {
  readonly version: number
  readonly bootId: string
  readonly dev: number
  readonly directories: readonly (readonly [
    string,
    Omit<Confirmed, 'marks'> & { readonly marks: readonly (readonly [string, Mark])[] },
  ])[]
}

/** Its hash keeps accidents out, not intentions. */
const isStored = record({
  version: oneOf(version),
  bootId: text,
  dev: finite,
  directories: listOf(
    pairOf(
      text,
      record({
        marks: listOf(pairOf(text, (mark) => listOf(finite)(mark) && (mark as unknown[]).length === 4)),
        sessions: count,
        transcripts: count,
        benign: listOf(record({ kind: text, severity: text, path: text, evidence: text })),
        logs: orNone(listOf(pairOf(text, text))),
      }),
    ),
  ),
})
