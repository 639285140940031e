/**
 * Findings become steps: which bytes change, from exactly what to exactly what.
 *
 * Reads again what is going to change, to know its hash before and after; changes nothing.  A file that is no longer
 * what was inspected is a Conflict: somebody else writes here.
 */
import { createHash } from 'node:crypto'
import { sight, Conflict } from './fingerprint.ts'
import { segmentOf, type Fingerprint, type Piece, type Plan, type Step } from './finding.ts'
import { accountsFolder, nameOf, ownFolder, parentOf } from './places.ts'
import type { Remedy, Seen, Splice } from './seen.ts'
import { quoted } from './eyes.ts'
import type { Site } from './site.ts'
import type { FileStat } from '../host/disk.ts'

const pieceBytes = 1 << 20

/** One step a path, in the order in which they have to happen. */
export async function plan(site: Site, seen: Pick<Seen, 'remedies'>): Promise<Plan> {
  const steps: Step[] = []
  for (const remedy of seen.remedies)
    steps.push(...(remedy.do === 'make' ? await made(site, remedy) : [await stepFor(site, remedy)]))
  return { steps }
}

async function stepFor(site: Site, remedy: Exclude<Remedy, { do: 'make' }>): Promise<Step> {
  const { path, because } = remedy
  const named = { path: nameOf(site, path), because }
  if (remedy.do === 'put-back') {
    const before = await asInspected(site, path, null)
    const after = await asInspected(site, remedy.from, remedy.found)
    return { ...named, before, after, change: { do: 'put-back', from: nameOf(site, remedy.from) } }
  }
  const before = await asInspected(site, path, remedy.found)
  if (remedy.do === 'set-aside') return { ...named, before, after: 'missing', change: { do: 'set-aside' } }
  const sources = remedy.splices.flatMap(({ put }) => (typeof put === 'string' ? [] : [put]))
  if (remedy.base !== null) sources.push({ ...remedy.base, from: 0, to: remedy.base.stat.bytes })
  const content = piecesOf(site, remedy.base, remedy.splices)
  const after = await contentHash(site, content)
  for (const source of sources) await unchanged(site, source.path, source.stat)
  const folders = before === 'missing' ? await missingFolders(site, path) : 0
  return {
    ...named,
    before,
    after,
    change: {
      do: 'write',
      content,
      mode: remedy.mode,
      ...(remedy.mtimeMs !== undefined && { mtimeMs: remedy.mtimeMs }),
    },
    ...(folders > 0 && { folders }),
  }
}

/** How many of the folders that a name lies in are not there, inside the state. */
async function missingFolders(site: Site, path: string): Promise<number> {
  let folders = 0
  for (let dir = parentOf(path); dir.startsWith(`${site.stateDir}/`); dir = parentOf(dir)) {
    if ((await site.disk.stat(dir)) !== undefined) break
    folders++
  }
  return folders
}

/** What is made only now that it is wanted, and an account of it under a name of ours. */
async function made(site: Site, remedy: Remedy & { do: 'make' }): Promise<Step[]> {
  const { path, because } = remedy
  const before = await asInspected(site, path, remedy.found)
  const one = await remedy.make()
  if (one.is === 'cannot') {
    const isLost = !one.canPass && because.some(({ kind }) => kind === 'db-corrupt')
    throw new CannotMake(
      `${nameOf(site, path)}: ${one.why}${isLost ? '. Put a backup back under its name; without one move it away, and its loss can be accepted' : ''}`,
      one.canPass,
      isLost ? `mv ${quoted(path)} ${quoted(`${path}.damaged`)}` : null,
    )
  }
  await site.disk.mkdir(ownFolder(site), 0o700)
  await site.disk.mkdir(accountsFolder(site), 0o700)
  // A plan that outlives a power cut must find the folder, too.
  for (const dir of [ownFolder(site), site.stateDir]) await site.disk.syncDir(dir)
  const account = `${accountsFolder(site)}/${site.now()}-${nameOf(site, path).replaceAll('/', '_')}.jsonl`
  return [
    {
      path: nameOf(site, account),
      because,
      before: 'missing',
      ...(await contentOf(site, one.report)),
    },
    {
      path: nameOf(site, path),
      because,
      before,
      did: one.did,
      ...(await contentOf(site, one.path, remedy.mode)),
    },
  ]
}

async function contentOf(site: Site, from: string, mode = 0o600): Promise<Pick<Step, 'after' | 'change'>> {
  const stat = await site.disk.stat(from)
  if (stat?.kind !== 'file')
    throw new CannotMake(`${nameOf(site, from)} was not made, or was taken away`, true)
  const content: Piece[] = [{ path: nameOf(site, from), from: 0, to: stat.bytes }]
  return { after: await contentHash(site, content), change: { do: 'write', content, mode } }
}

/** What is to be put in place cannot be had: a person is needed, or room. */
export class CannotMake extends Error {
  override name = 'CannotMake'
  readonly canPass: boolean
  readonly command: string | null
  constructor(message: string, canPass: boolean, command: string | null = null) {
    super(message)
    this.canPass = canPass
    this.command = command
  }
}

async function asInspected(site: Site, path: string, found: FileStat | null): Promise<Fingerprint> {
  const now = await sight(site.disk, path)
  if (!isWhatWasSeen(now.stat, found)) throw moved(site, path)
  return now.fingerprint
}

async function unchanged(site: Site, path: string, found: FileStat): Promise<void> {
  if (!isWhatWasSeen(await site.disk.stat(path), found)) throw moved(site, path)
}

const isWhatWasSeen = (now: FileStat | undefined, found: FileStat | null): boolean =>
  now === undefined || found === null
    ? now === undefined && found === null
    : now.kind === found.kind &&
      now.ino === found.ino &&
      now.bytes === found.bytes &&
      now.mtimeMs === found.mtimeMs

const moved = (site: Site, path: string): Conflict =>
  new Conflict(`${JSON.stringify(nameOf(site, path))} changed after it was inspected`)

/** Pieces of the old content and ours, in order.  Neighbouring pieces of ours are one. */
function piecesOf(
  site: Site,
  base: { readonly path: string; readonly stat: FileStat } | null,
  splices: readonly Splice[],
): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  const old = (to: number): void => {
    if (base !== null && to > at) pieces.push({ path: nameOf(site, base.path), from: at, to })
  }
  for (const { from, to, put } of splices) {
    old(from)
    if (typeof put !== 'string') pieces.push({ path: nameOf(site, put.path), from: put.from, to: put.to })
    else if (put !== '') pieces.push({ text: put })
    at = to
  }
  if (base !== null) old(base.stat.bytes)
  return pieces
}

async function contentHash(site: Site, content: readonly Piece[]): Promise<Fingerprint> {
  const hash = createHash('sha256')
  for (const piece of content) {
    if (!('path' in piece)) {
      hash.update(segmentOf(piece) as Uint8Array)
      continue
    }
    const path = piece.path.startsWith('/') ? piece.path : `${site.stateDir}/${piece.path}`
    for (let at = piece.from; at < piece.to; at += pieceBytes)
      hash.update(await site.disk.read(path, at, Math.min(piece.to, at + pieceBytes)))
  }
  return `sha256:${hash.digest('hex')}`
}
