/**
 * Takes one step of a plan: one name changes in one instant, and what stood there is kept first.
 *
 * 1. The old content has its second name under `kept/` before anything changes; file and folder are synced.
 * 2. New content is written and synced under a temporary name beside its target, and compared with the plan's
 *    `after`, before the target changes.
 * 3. It acts only on exactly `before`, is done when it finds `after`, and otherwise stops with a Conflict.
 * 4. It may be cut off at any point and run again: what was left half done is finished or swept away, and
 *    nothing is swept that is not known to be elsewhere.
 * 5. A name is taken by exchange or by moving it aside, never by writing over it: what another program put
 *    there a moment before is then in our hand, is put back, and the step stops.
 *
 * What remains of 5: where the file system has no exchange (NFS, some FUSE ones), a plain rename replaces the
 * target, and a file that another program renames onto that name between our last look and this rename (some
 * microseconds) would be lost.  A program that writes through a descriptor it opened before keeps writing into
 * the kept file: nothing is lost, but those bytes are not in the repaired one.
 *
 * A step needs a second name for a file.  Where the file system refuses hard links, or the kept folder is on
 * another one, the bytes are copied, compared and synced instead; undo then restores content, owner and mode,
 * not the times.
 */
import { DiskError, type FileStat, type Segment } from '../host/disk.ts'
import { inside } from '../openclaw/posix-path.ts'
import { Eyes } from './eyes.ts'
import { Conflict, isSame, isSameInode, sight, type Sight } from './fingerprint.ts'
import { type Fingerprint, type Kept, type Piece, segmentOf, type Step } from './finding.ts'
import { Notebook } from './notebook.ts'
import { keptFolder, nameOf, parentOf, pathOf, temporaryFor } from './places.ts'
import type { Site } from './site.ts'

/** One step of one repair; `n` is its number there and names what it keeps. */
export interface Task {
  readonly site: Site
  readonly id: string
  readonly n: number
  readonly step: Step
}

/** What it keeps, if anything.  Throws Conflict or DiskError; either way the name holds its old or its new content. */
export async function apply(task: Task): Promise<Kept | undefined> {
  const { site, step } = task
  const { disk } = site
  const path = pathOf(site, step.path)
  const now = await sight(disk, path)
  await sweep(task, now)
  if (step.before === 'missing') await makeFolders(task, path)
  if (step.change.do === 'put-back') return await putBack(task, path, pathOf(site, step.change.from), now)
  if (now.fingerprint === step.after) {
    // Done by an earlier run, which may have died before it synced the name; the content it had synced before.
    if (step.after === 'missing') await unmakeFolders(task, path)
    if ((await disk.stat(parentOf(path))) !== undefined) await syncFolder(task.site, parentOf(path))
    return await alreadyKept(task)
  }
  expect(step.path, now, step.before)
  if (step.change.do === 'write') return await write(task, path, step.change, now.stat)
  const kept = await setAside(task, path, now.stat)
  await unmakeFolders(task, path)
  return kept
}

/** The names of a folder that is reached through a link inside the state are where that leads. */
async function syncFolder(site: Site, dir: string): Promise<void> {
  const isLink = (await site.disk.stat(dir))?.kind === 'link'
  const real = isLink ? await new Eyes(site, new Notebook(site.stateDir)).real(dir) : dir
  await site.disk.syncDir(inside(site.stateDir, real) === undefined ? dir : real)
}

/** Outermost first, each durable in the one before: they belong to whoever owns the state around them. */
async function makeFolders({ site, step }: Task, path: string): Promise<void> {
  const { disk } = site
  for (const folder of foldersOf(site, step, path).toReversed()) {
    if ((await disk.stat(folder)) === undefined) {
      const around = await disk.stat(parentOf(folder))
      await disk.mkdir(folder, 0o700)
      if (around !== undefined) await disk.copyOwner(folder, { ...around, mode: 0o700 })
    }
    await syncFolder(site, parentOf(folder))
  }
}

/** Innermost first, as far as nothing else came to lie in them. */
async function unmakeFolders({ site, step }: Task, path: string): Promise<void> {
  const { disk } = site
  for (const folder of foldersOf(site, step, path)) {
    if ((await disk.stat(folder))?.kind === 'directory') {
      if ((await disk.list(folder)).length > 0) return
      await disk.remove(folder)
    }
    if ((await disk.stat(parentOf(folder))) !== undefined) await syncFolder(site, parentOf(folder))
  }
}

/** Innermost first, inside the state. */
function foldersOf({ stateDir }: Site, { folders = 0 }: Step, path: string): string[] {
  const all: string[] = []
  for (let dir = parentOf(path); all.length < folders && dir.startsWith(`${stateDir}/`); dir = parentOf(dir))
    all.push(dir)
  return all
}

async function write(
  task: Task,
  path: string,
  change: Step['change'] & { do: 'write' },
  old: FileStat | undefined,
): Promise<Kept | undefined> {
  const kept = old && (await keep(task, path, old))
  const ready = temporary(task, path, 'tmp')
  const content = change.content.map((piece) => segmentIn(task.site, piece))
  const like = old ?? (await asInside(task.site, parentOf(path), change.mode))
  await make(task, ready, content, like, task.step.after, change.mtimeMs)
  await place(task, ready, path, old)
  return kept
}

async function setAside(task: Task, path: string, old: FileStat | undefined): Promise<Kept | undefined> {
  if (old?.kind === 'directory') return await moveDirectoryToKept(task, path)
  const kept = old && (await keep(task, path, old))
  await takeAway(task, path, old, 'tmp')
  return kept
}

/** A directory has no second name: it is moved whole.  Journalling file systems change both names in one transaction. */
async function moveDirectoryToKept(task: Task, path: string): Promise<Kept> {
  const { disk } = task.site
  await disk.rename(path, keptAs(task))
  if ((await sight(disk, keptAs(task))).fingerprint !== task.step.before) {
    // Something else was put there in the meantime: it goes back, unless its name is taken again.
    if ((await disk.stat(path)) === undefined) await disk.rename(keptAs(task), path)
    throw changed(task)
  }
  await disk.syncDir(keptFolder(task.site, task.id))
  await syncFolder(task.site, parentOf(path))
  return { path: task.step.path, sha256: null, bytes: 0, keptAs: nameOf(task.site, keptAs(task)) }
}

async function putBack(task: Task, path: string, from: string, now: Sight): Promise<Kept | undefined> {
  const { site, step } = task
  const { disk } = site
  const source = await sight(disk, from)
  // Of the same bytes, yet another file, with times of its own: the one that is meant still waits to come back.
  const isAnother =
    step.before === step.after && source.stat && now.stat && !isSameInode(source.stat, now.stat)
  if (now.fingerprint === step.after && !isAnother) {
    await syncFolder(task.site, parentOf(path))
    // Cut off between the two names: the bytes are under both.
    if (source.fingerprint === step.after) await takeAway(task, from, source.stat, 'from')
    else await syncFolder(task.site, parentOf(from))
    return await alreadyKept(task)
  }
  expect(step.path, now, step.before)
  expect(nameOf(site, from), source, step.after)
  if (source.stat?.kind === 'directory') {
    await disk.rename(from, path)
    await syncFolder(task.site, parentOf(path))
    await syncFolder(task.site, parentOf(from))
    return undefined
  }
  const kept = now.stat && (await keep(task, path, now.stat))
  const ready = temporary(task, path, 'tmp')
  await secondName(task, from, ready, source)
  // An archive may have bytes that only the kernel has yet.
  if (source.stat?.kind === 'file') await disk.sync(ready)
  await place(task, ready, path, now.stat)
  await leave(task, from, source)
  return kept
}

/** The name that it came back from goes: also where another program set its time meanwhile, since no byte goes with it. */
async function leave(task: Task, from: string, source: Sight): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const now = await sight(task.site.disk, from)
    const isIt =
      now.fingerprint === task.step.after && source.stat && now.stat && isSameInode(now.stat, source.stat)
    try {
      return await takeAway(task, from, isIt ? now.stat : source.stat, 'from')
    } catch (error) {
      if (!isIt || attempt > 1 || !(error instanceof Conflict)) throw error
    }
  }
}

/** Puts the temporary file under the name, if that still holds `old`; what it held is under `kept/` by now. */
async function place(task: Task, ready: string, path: string, old: FileStat | undefined): Promise<void> {
  const { disk } = task.site
  if (!isSame(old, await disk.stat(path))) {
    await disk.remove(ready)
    throw changed(task)
  }
  if (old === undefined) await placeOnFreeName(task, ready, path)
  else if (await disk.exchange(ready, path)) await checkExchanged(task, ready, path, old)
  else await disk.rename(ready, path)
  await syncFolder(task.site, parentOf(path))
}

async function placeOnFreeName(task: Task, ready: string, path: string): Promise<void> {
  const { disk } = task.site
  // A link refuses a name that somebody took meanwhile; a rename would replace it.
  const outcome = await linkIfPossible(task.site, ready, path)
  if (outcome === 'refused') return await disk.rename(ready, path)
  await disk.remove(ready)
  if (outcome === 'taken') throw changed(task)
}

async function checkExchanged(task: Task, ready: string, path: string, old: FileStat): Promise<void> {
  const { disk } = task.site
  const ours = await disk.stat(path)
  if (isSame(old, await disk.stat(ready))) return await disk.remove(ready)
  // Somebody wrote here between our last look and the exchange: theirs goes back under its name.
  await disk.exchange(ready, path)
  const back = await disk.stat(ready)
  if (ours && back && isSameInode(ours, back)) await disk.remove(ready)
  throw changed(task)
}

/** The name goes; its bytes are under another name already.  Whatever else is found under it is put back. */
async function takeAway(
  task: Task,
  path: string,
  old: FileStat | undefined,
  what: 'tmp' | 'from',
): Promise<void> {
  const { disk } = task.site
  const taken = temporary(task, path, what)
  if (!isSame(old, await disk.stat(path))) throw changed(task, path)
  await disk.rename(path, taken)
  if (!isSame(old, await disk.stat(taken))) {
    if ((await linkIfPossible(task.site, taken, path)) === 'done') await disk.remove(taken)
    throw changed(task, path)
  }
  await disk.remove(taken)
  await syncFolder(task.site, parentOf(path))
}

/** The bytes under `kept/`, durable there, before anything happens to the name. */
async function keep(task: Task, path: string, old: FileStat): Promise<Kept> {
  const { site, step } = task
  const { disk } = site
  const to = keptAs(task)
  const there = await disk.stat(to)
  if (there === undefined) await secondName(task, path, to, { fingerprint: step.before, stat: old })
  else if (!isSameInode(there, old)) expect(nameOf(site, to), await sight(disk, to), step.before)
  // A crash of the gateway leaves bytes that only the kernel has yet.
  if (old.kind === 'file') await disk.sync(to)
  await disk.syncDir(keptFolder(site, task.id))
  return keptRecord(task, old)
}

async function alreadyKept(task: Task): Promise<Kept | undefined> {
  const there = await task.site.disk.stat(keptAs(task))
  // A file was synced here before it went; a directory came here by going.
  if (there?.kind === 'directory') await task.site.disk.syncDir(keptFolder(task.site, task.id))
  return there && keptRecord(task, there)
}

const keptRecord = (task: Task, stat: FileStat): Kept => ({
  path: task.step.path,
  sha256: task.step.before.startsWith('sha256:') ? task.step.before.slice('sha256:'.length) : null,
  bytes: stat.kind === 'file' ? stat.bytes : 0,
  keptAs: nameOf(task.site, keptAs(task)),
})

/** The same inode under another name; or, where that is refused, a copy that was compared and synced. */
async function secondName(task: Task, from: string, to: string, source: Sight): Promise<void> {
  const { disk } = task.site
  const outcome = await linkIfPossible(task.site, from, to)
  if (outcome === 'taken') throw changed(task, from)
  if (outcome === 'done') {
    if (isSame(source.stat, await disk.stat(to))) return
    throw changed(task, from)
  }
  if (source.stat?.kind !== 'file') throw new DiskError('keep', from, { code: 'EXDEV' })
  await make(task, to, [{ path: from, from: 0, to: source.stat.bytes }], source.stat, source.fingerprint)
}

/** A file of this content, compared and synced under a name of ours before it gets the one it is made for. */
async function make(
  task: Task,
  to: string,
  content: readonly Segment[],
  like: FileStat,
  wanted: Fingerprint,
  mtimeMs?: number,
): Promise<void> {
  const { disk } = task.site
  const fresh = temporary(task, to, 'new')
  if ((await disk.stat(fresh)) !== undefined) await disk.remove(fresh)
  try {
    await disk.create(fresh, content, like.mode)
    await disk.copyOwner(fresh, like)
    if (mtimeMs !== undefined) await disk.setTime(fresh, mtimeMs)
    if ((await sight(disk, fresh)).fingerprint !== wanted)
      throw new Conflict(
        `what ${JSON.stringify(task.step.path)} is made from (${sourcesOf(task, content)}) is not what was inspected`,
      )
    await disk.sync(fresh)
    await disk.rename(fresh, to)
  } catch (error) {
    // On a full disk the room is wanted at once.  When this fails as well, the next run sweeps it.
    await disk.remove(fresh).catch(() => undefined)
    throw error
  }
}

function sourcesOf({ site }: Task, content: readonly Segment[]): string {
  const paths = content.flatMap((piece) => ('path' in piece ? [nameOf(site, piece.path)] : []))
  return [...new Set(paths)].map((path) => JSON.stringify(path)).join(', ') || 'bytes of ours'
}

async function linkIfPossible(site: Site, from: string, to: string): Promise<'done' | 'taken' | 'refused'> {
  try {
    await site.disk.link(from, to)
    return 'done'
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    if (error.code === 'EEXIST') return 'taken'
    if (['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(error.code)) return 'refused'
    throw error
  }
}

/** Clears what a run that was cut off, or stopped by a Conflict, left under the temporary names of this step. */
export async function sweep(task: Task, now: Sight): Promise<void> {
  const { site, step } = task
  const { disk } = site
  const path = pathOf(site, step.path)
  await sweepFresh(task, path)
  const left = await sight(disk, temporary(task, path, 'tmp'))
  if (left.stat !== undefined) {
    const isKept = left.fingerprint === step.before && (await disk.stat(keptAs(task))) !== undefined
    if (isKept || left.fingerprint === step.after) await disk.remove(temporary(task, path, 'tmp'))
    else await rescue(task, temporary(task, path, 'tmp'))
  }
  if (step.change.do !== 'put-back') return
  const from = pathOf(site, step.change.from)
  const taken = await sight(disk, temporary(task, from, 'from'))
  if (taken.stat === undefined) return
  if (taken.fingerprint === step.after && now.fingerprint === step.after)
    await disk.remove(temporary(task, from, 'from'))
  else if ((await linkIfPossible(site, temporary(task, from, 'from'), from)) === 'done')
    await disk.remove(temporary(task, from, 'from'))
  else await rescue(task, temporary(task, from, 'from'))
}

async function sweepFresh(task: Task, path: string): Promise<void> {
  const { disk } = task.site
  for (const fresh of [temporary(task, path, 'new'), temporary(task, keptAs(task), 'new')])
    if ((await disk.stat(fresh)) !== undefined) await disk.remove(fresh)
}

/** Caught from another program in the instant of an exchange, and then we died: it goes to `kept/`, too. */
async function rescue(task: Task, caught: string): Promise<void> {
  const { disk } = task.site
  for (let k = 0; ; k++) {
    const aside = `${keptAs(task)}.found-${k}`
    if ((await disk.stat(aside)) !== undefined) continue
    await disk.rename(caught, aside)
    return await disk.syncDir(keptFolder(task.site, task.id))
  }
}

const keptAs = ({ site, id, n }: Task): string => `${keptFolder(site, id)}/${n}`
const temporary = ({ id, n }: Task, path: string, what: 'new' | 'tmp' | 'from'): string =>
  temporaryFor(path, id, n, what)

const segmentIn = (site: Site, piece: Piece): Segment => {
  const segment = segmentOf(piece)
  return segment instanceof Uint8Array ? segment : { ...segment, path: pathOf(site, segment.path) }
}

/** A new file belongs to whoever owns the directory it is in, not to whoever repairs. */
async function asInside(site: Site, dir: string, mode: number): Promise<FileStat> {
  const parent = await site.disk.stat(dir)
  if (parent === undefined) throw new Conflict(`the directory ${JSON.stringify(nameOf(site, dir))} is gone`)
  return { ...parent, mode }
}

function expect(name: string, seen: Sight, wanted: Fingerprint): void {
  if (seen.fingerprint !== wanted)
    throw new Conflict(
      `${JSON.stringify(name)} is not what was inspected: ${seen.fingerprint}, not ${wanted}`,
    )
}

const changed = ({ site, step }: Task, path = pathOf(site, step.path)): Conflict =>
  new Conflict(`${JSON.stringify(nameOf(site, path))} was changed by another program during the repair`)
