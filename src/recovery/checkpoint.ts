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
  /** Of all marks together; null until it is read back from the disk. */
  readonly seal: string | null
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

const version = 2
const limitBytes = 256 * 1024 * 1024
const pathOf = (site: Site): string => `${site.stateDir}/supervise/checkpoint.json`

/**
 * One line of content, one line of its hash: a torn or edited checkpoint is none. Then of each directory a line with its
 * marks, which is parsed only where the directory is not as its seal says: mostly nothing has changed.
 */
const digest = (body: string): string => createHash('sha256').update(body).digest('hex')

/** Of names in the order in which a directory lists them, and of their marks: in another order they are compared one by one. */
export const sealOf = (names: readonly string[], marks: Float64Array): string =>
  createHash('sha256').update(names.join('\0')).update(marks).digest('hex')

export async function readCheckpoint(site: Site): Promise<Checkpoint | undefined> {
  try {
    // Through a link it would be somebody else's.
    if ((await site.disk.stat(ownFolder(site)))?.kind !== 'directory') return undefined
    const stat = await site.disk.stat(pathOf(site))
    if (stat?.kind !== 'file' || stat.bytes > limitBytes) return undefined
    const all = await site.disk.read(pathOf(site), 0, stat.bytes)
    const bodyEnd = all.indexOf('\n')
    let at = all.indexOf('\n', bodyEnd + 1) + 1
    const [body, hash] = all.toString('utf8', 0, at).split('\n')
    if (body === undefined || hash !== digest(body)) return undefined
    const parsed: unknown = JSON.parse(body)
    if (!isStored(parsed)) return undefined
    const stored = parsed as Stored
    const directories = new Map<string, Confirmed>()
    for (const [dir, { bytes, ...rest }] of stored.directories) {
      directories.set(dir, confirmedBy(rest, all.subarray(at, at + bytes)))
      at += bytes
    }
    if (at !== all.length) return undefined
    const checkpoint: Checkpoint = { bootId: stored.bootId, dev: stored.dev, directories }
    onDisk.add(checkpoint)
    return checkpoint
  } catch (error) {
    if (error instanceof DiskError || error instanceof SyntaxError) return undefined
    throw error
  }
}

function confirmedBy(rest: Omit<Confirmed, 'marks'>, line: Buffer): Confirmed {
  let marks: ReadonlyMap<string, Mark> | undefined
  const confirmed: Confirmed = {
    ...rest,
    get marks() {
      return (marks ??= marksOn(line, rest.seal))
    },
  }
  lines.set(confirmed, line)
  return confirmed
}

/** None, where the line is not what was sealed. */
function marksOn(line: Buffer, seal: string | null): ReadonlyMap<string, Mark> {
  const parsed = parsedOrNull(line.toString('utf8'))
  if (!isMarks(parsed)) return new Map()
  const { names, numbers } = parsed as Marks
  const bytes = Uint8Array.from(Buffer.from(numbers, 'base64'))
  if (bytes.length !== names.length * markBytes) return new Map()
  const marks = new Float64Array(bytes.buffer)
  if (sealOf(names, marks) !== seal) return new Map()
  return new Map(
    names.map((name, n) => [name, [marks[n * 4]!, marks[n * 4 + 1]!, marks[n * 4 + 2]!, marks[n * 4 + 3]!]]),
  )
}

const parsedOrNull = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Of those that were read back: one that is as it was is written as it was. */
const lines = new WeakMap<Confirmed, Buffer>()

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
    directories.set(dir, {
      ...confirmed,
      marks: new Map(confirmed.marks).set(name, markOf(now)),
      seal: null,
    })
  }
  return paths.length === 0 ? checkpoint : { ...checkpoint, directories }
}

export async function keepCheckpoint(site: Site, checkpoint: Checkpoint): Promise<void> {
  if (onDisk.has(checkpoint)) return
  const marks: Buffer[] = []
  const directories = [...checkpoint.directories].map(([dir, confirmed]) => {
    const line = lines.get(confirmed)
    const written = line === undefined ? lineOf(confirmed.marks) : { line, seal: confirmed.seal }
    marks.push(written.line)
    const { sessions, transcripts, benign, logs } = confirmed
    const rest = { sessions, transcripts, benign, logs } satisfies Record<
      Exclude<keyof Confirmed, 'marks' | 'seal'>,
      unknown
    >
    return [dir, { ...rest, seal: written.seal, bytes: written.line.length }]
  })
  const stored = { version, bootId: checkpoint.bootId, dev: checkpoint.dev, directories }
  const body = JSON.stringify(stored)
  const path = pathOf(site)
  const fresh = `${path}.new`
  const folder = `${site.stateDir}/supervise`
  await site.disk.mkdir(folder, 0o700)
  if ((await site.disk.stat(fresh)) !== undefined) await site.disk.remove(fresh)
  await site.disk.create(fresh, [Buffer.from(`${body}\n${digest(body)}\n`), ...marks], 0o600)
  // Not synced: nobody waits for it between a crash and the next start. What a power cut leaves of it is torn, and
  // then none, or an earlier one, whose marks still name exactly the files that it confirmed.
  await site.disk.rename(fresh, path)
}

function lineOf(all: ReadonlyMap<string, Mark>): { readonly line: Buffer; readonly seal: string } {
  const names = [...all.keys()]
  const marks = new Float64Array(names.length * 4)
  let at = 0
  for (const mark of all.values()) {
    marks.set(mark, at)
    at += 4
  }
  const written: Marks = { names, numbers: Buffer.from(marks.buffer).toString('base64') }
  return { line: Buffer.from(`${JSON.stringify(written)}\n`), seal: sealOf(names, marks) }
}

interface Marks {
  readonly names: readonly string[]
  /** Four a name, as the machine holds them: as decimals they took longer to write and to read than all else together. */
  readonly numbers: string
}
const markBytes = 4 * Float64Array.BYTES_PER_ELEMENT

interface Stored {
  readonly version: number
  readonly bootId: string
  readonly dev: number
  readonly directories: readonly (readonly [
    string,
    /** `bytes`: of its line of marks. */
    Omit<Confirmed, 'marks'> & { readonly bytes: number },
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
        seal: text,
        bytes: count,
        sessions: count,
        transcripts: count,
        benign: listOf(record({ kind: text, severity: text, path: text, evidence: text })),
        logs: orNone(listOf(pairOf(text, text))),
      }),
    ),
  ),
})
const isMarks = record({ names: listOf(text), numbers: text })
