/**
 * The last generations of the few files that name everything else: each index of sessions, the paired devices, the
 * configuration.  Kept under <state>/supervise/snapshots/<file>/, one file a generation.
 *
 * 1. A generation is what its name says: its SHA-256 stands there, and one that does not match it is none: torn by a
 *    power cut, or written into.  So nothing here has to be synced to be sound, only to be there.
 * 2. Taking one changes nothing of the user's: a second name where the writer replaces the file by rename
 *    (sessions.json, paired.json: writeTextAtomic of 2026.4.26, dist/json-files-*.js), a copy where it may be written
 *    in place (openclaw.json: restored by copyFile, edited by people; and anything that was seen to be).
 * 3. Only what can be read is kept, nothing empty; and while a gateway runs, no index that lost all that the last
 *    generation knew while the transcripts still lie there: a wiped index cannot push the good ones out.
 * 4. Bounded in number, bytes and age (thinning.ts).  Only names of this form, in this folder, are ever removed.
 * 5. Failing to take one is told, and nothing else: it never holds a start back.
 */
import { DiskError, type FileStat } from '../host/disk.ts'
import { config, configLimitBytes } from '../openclaw/config-file.ts'
import { agentsFolder, indexName, pairedDevices, sessionsFolder } from '../openclaw/layout.ts'
import { indexLimitBytes, sessionIndex } from '../openclaw/session-index.ts'
import { isSame } from './fingerprint.ts'
import {
  generationName,
  generationsOf,
  newestIndex,
  slotOf,
  unfinished,
  wholeMicroseconds,
  type Generation,
} from './generations.ts'
import { sha256 } from './hash.ts'
import { ownFolder, parentOf, snapshotsFolder } from './places.ts'
import type { Site } from './site.ts'
import { worthKeeping } from './thinning.ts'
import { vanishedSince } from './vanished.ts'

export type KeptKind = 'index' | 'devices' | 'config'

export interface How {
  readonly what: readonly KeptKind[]
  /** `confirmed`: an inspection has just found it consistent.  `running`: a gateway is at work. */
  readonly when: 'confirmed' | 'running'
  /** Synced before it returns. */
  readonly durable: boolean
  /** What was looked at before, by path: kept by whoever asks again and again. */
  readonly known?: Map<string, string>
}

export interface Taken {
  /** Of which files. */
  readonly taken: readonly string[]
  /** Why others were not, one line each. */
  readonly trouble: readonly string[]
}

export async function takeGenerations(site: Site, how: How): Promise<Taken> {
  const trouble: string[] = []
  const taken: string[] = []
  const attempt = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      trouble.push(error.message)
      return undefined
    }
  }
  for (const file of (await attempt(() => filesToKeep(site, how.what))) ?? [])
    if ((await attempt(() => takeOne(site, file, how))) === true) taken.push(file.path)
  return { taken, trouble }
}

interface KeptFile {
  readonly is: KeptKind
  readonly path: string
}

/** What is reached through a link is left out: where it leads is another's. */
async function filesToKeep(site: Site, what: How['what']): Promise<readonly KeptFile[]> {
  const files: KeptFile[] = []
  if (what.includes('devices')) files.push({ is: 'devices', path: `${site.stateDir}/${pairedDevices}` })
  if (what.includes('config')) files.push({ is: 'config', path: site.configPath })
  const agents = `${site.stateDir}/${agentsFolder}`
  if (!what.includes('index') || (await site.disk.stat(agents))?.kind !== 'directory') return files
  for (const { name, kind } of await site.disk.list(agents)) {
    const dir = `${site.stateDir}/${sessionsFolder(name)}`
    if (kind === 'directory' && (await site.disk.stat(dir))?.kind === 'directory')
      files.push({ is: 'index', path: `${dir}/${indexName}` })
  }
  return files
}

/** A third of a second of our one thread for 10,000 sessions: while a gateway works, not with every probe. */
const bigBytes = 1024 * 1024
const bigEveryMs = 60_000

const limits: Readonly<Record<KeptKind, number>> = {
  index: indexLimitBytes,
  devices: configLimitBytes,
  config: configLimitBytes,
}

async function takeOne(site: Site, file: KeptFile, how: How): Promise<boolean> {
  const { disk } = site
  const stat = await disk.stat(file.path)
  if (stat?.kind !== 'file' || stat.bytes > limits[file.is]) return false
  const mark = `${stat.ino} ${stat.bytes} ${stat.mtimeMs}`
  if (how.known?.get(file.path) === mark) return false
  const all = await generationsOf(site, file.path)
  const isParted = mayBeImportedNext(site) && stat.links > 1 && (await part(site, stat, all))
  const last = all[0]
  const ageMs = last === undefined ? Infinity : site.now() - last.takenAt
  // Below zero: the clock was set back.
  const isTooSoon = ageMs >= 0 && ageMs < bigEveryMs
  if (how.when === 'running' && stat.bytes > bigBytes && isTooSoon) return false
  let isTaken = isParted
  if (last !== undefined && isFrom(last, stat)) {
    if (how.durable) await makeDurable(site, last)
  } else {
    const bytes = await disk.read(file.path, 0, stat.bytes)
    if (!isSame(stat, await disk.stat(file.path))) return false
    if (await isWorthIt(site, file, bytes, all, how)) {
      // The same inode with other bytes: whoever writes this one writes it in place.
      const isInPlace = file.is === 'config' || last?.ino === stat.ino
      const by = isInPlace || mayBeImportedNext(site) ? 'copy' : 'link'
      if (!(await put(site, { file, stat, bytes, last, by }, how.durable))) return false
      await thin(site, file.path)
      isTaken = true
    }
  }
  how.known?.set(file.path, mark)
  return isTaken
}

/**
 * The gateway that is started next imports these files into its databases, and refuses one that has a second name, with
 * 78 and for ever (2026.9.6: "another hard link references this inode"). One whose package is not found may.
 */
const mayBeImportedNext = ({ installed }: Site): boolean => installed?.schemaVersions !== null

/** Generations that are a second name of the file become copies of it.  Whether there were any. */
async function part(site: Site, stat: FileStat, all: readonly Generation[]): Promise<boolean> {
  const { disk } = site
  let isParted = false
  for (const one of all) {
    const same = await disk.stat(one.path)
    if (same?.ino !== stat.ino || same.dev !== stat.dev) continue
    const fresh = `${one.path}.new`
    if ((await disk.stat(fresh)) !== undefined) await disk.remove(fresh)
    await disk.create(fresh, [{ path: one.path, from: 0, to: same.bytes }], 0o600)
    await disk.sync(fresh)
    await disk.rename(fresh, one.path)
    await disk.syncDir(parentOf(one.path))
    isParted = true
  }
  return isParted
}

const isFrom = (last: Generation, stat: FileStat): boolean =>
  last.ino === stat.ino && last.bytes === stat.bytes && last.mtimeMs === wholeMicroseconds(stat.mtimeMs)

async function isWorthIt(
  site: Site,
  file: KeptFile,
  bytes: Buffer,
  all: readonly Generation[],
  how: How,
): Promise<boolean> {
  if (file.is === 'devices') return isFilled(parsed(bytes))
  if (file.is === 'config') {
    const read = config(bytes.toString('utf8'))
    return read.is === 'sound' && isFilled(read.value)
  }
  const index = sessionIndex(bytes)
  if (index.is !== 'sound' || index.entries.size === 0) return false
  const before = how.when === 'running' ? await newestIndex(site, all) : undefined
  if (before === undefined) return true
  const where = { stateDir: site.stateDir, sessionsDir: parentOf(file.path) }
  const isThere = async (path: string): Promise<boolean> => ((await site.disk.stat(path))?.bytes ?? 0) > 0
  return (await vanishedSince(before.entries, index.entries, where, isThere)).is !== 'wiped'
}

/** Whether it was put there; not when the file changed meanwhile. */
async function put(
  site: Site,
  what: {
    readonly file: KeptFile
    readonly stat: FileStat
    readonly bytes: Buffer
    readonly last: Generation | undefined
    readonly by: 'link' | 'copy'
  },
  durable: boolean,
): Promise<boolean> {
  const { disk } = site
  const slot = slotOf(site, what.file.path)
  for (const folder of [ownFolder(site), snapshotsFolder(site), slot]) {
    await disk.mkdir(folder, 0o700)
    if ((await disk.stat(folder))?.kind !== 'directory')
      throw new DiskError('keep a generation in', folder, { code: 'ENOTDIR' })
  }
  const takenAt = Math.max(site.now(), (what.last?.takenAt ?? 0) + 1)
  const path = `${slot}/${generationName({ ...what.stat, takenAt, sha256: sha256(what.bytes) })}`
  if (what.by === 'link' && (await linked(site, what.file.path, path))) {
    if (!isSame(what.stat, await disk.stat(path))) {
      await disk.remove(path)
      return false
    }
  } else {
    const fresh = `${path}.new`
    if ((await disk.stat(fresh)) !== undefined) await disk.remove(fresh)
    try {
      await disk.create(fresh, [what.bytes], 0o600)
      if (durable) await disk.sync(fresh)
      await disk.rename(fresh, path)
    } catch (error) {
      await disk.remove(fresh).catch(() => undefined)
      throw error
    }
  }
  if (durable) await makeDurable(site, { path })
  return true
}

async function makeDurable(site: Site, { path }: Pick<Generation, 'path'>): Promise<void> {
  await site.disk.sync(path)
  for (const dir of [parentOf(path), snapshotsFolder(site), ownFolder(site), site.stateDir])
    await site.disk.syncDir(dir)
}

/** False where a second name is refused: a copy does as well. */
async function linked(site: Site, from: string, to: string): Promise<boolean> {
  try {
    await site.disk.link(from, to)
    return true
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    if (['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EEXIST'].includes(error.code))
      return false
    throw error
  }
}

async function thin(site: Site, path: string): Promise<void> {
  const all = await generationsOf(site, path)
  const kept = new Set(worthKeeping(all, site.now()))
  for (const one of all) if (!kept.has(one)) await site.disk.remove(one.path)
  // What was being copied when a supervisor was killed.
  const slot = slotOf(site, path)
  for (const { name, kind } of await site.disk.list(slot))
    if (kind === 'file' && unfinished.test(name)) await site.disk.remove(`${slot}/${name}`)
}

const isFilled = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
