/** Which index is in force: the one that stands there, or, when the gateway would take it for empty, what replaces it. */
import type { FileStat } from '../../host/disk.ts'
import { indexName } from '../../openclaw/layout.ts'
import {
  indexEdits,
  indexLimitBytes,
  indexOf,
  markBytes,
  sessionIndex,
  type SessionEntry,
} from '../../openclaw/session-index.ts'
import { baseName, dirName } from '../../openclaw/posix-path.ts'
import { sessionFile } from '../../openclaw/session-file.ts'
import { archivedByDoctor } from './archived-by-doctor.ts'
import { spliced, type Found } from '../notebook.ts'
import { onlyTraced } from './only-traced.ts'
import { isoOf } from '../iso.ts'
import { counted, type SessionsDir } from './sessions-dir.ts'

export interface IndexInForce {
  readonly entries: ReadonlyMap<string, SessionEntry | null>
  /** What the new index is made from; null when it is made from nothing. */
  readonly base: {
    readonly path: string
    readonly stat: FileStat
    readonly bytes: Buffer
    readonly from: number
  } | null
  /** `replaced`: what stands there is not it.  `rebuilt`: and sessions may be missing from it. */
  readonly is: 'standing' | 'replaced' | 'rebuilt'
  /** Of one that is rebuilt: when what it is made from was written; 0 for one made from nothing. */
  readonly since: number
}

/** Undefined when it cannot be told: then that is a finding already. */
export async function indexInForce(here: SessionsDir): Promise<IndexInForce | undefined> {
  const path = here.path(indexName)
  const stat = here.stats.get(indexName)
  if (stat === undefined) {
    if (here.isReported(path)) return undefined
    const transcripts = here.of('transcript').length + archivedByDoctor(here).length
    const left =
      transcripts > 0
        ? counted(transcripts, 'transcript')
        : counted((await onlyTraced(here, 0)).length, 'trajectory of a session', 'trajectories of sessions')
    if (left.startsWith('0 ')) return { entries: new Map(), base: null, is: 'standing', since: 0 }
    return await newestGeneration(here, 'index-missing', `no ${indexName}, but ${left}`)
  }
  const bytes = await here.eyes.whole(path, stat, indexLimitBytes)
  if (bytes === undefined) return undefined
  const index = sessionIndex(bytes)
  if (index.is === 'sound')
    return { entries: index.entries, base: { path, stat, bytes, from: 0 }, is: 'standing', since: 0 }
  const evidence = `${stat.bytes} bytes: ${index.why}`
  const behindMark = index.soundBehindMark === true ? sessionIndex(bytes.subarray(markBytes)) : undefined
  if (behindMark?.is !== 'sound') return await newestGeneration(here, 'index-unreadable', evidence)
  const repair = 'take the mark away'
  here.indexBecause.push(
    here.notes.found({ kind: 'index-unreadable', severity: 'loses', path, evidence, repair }),
  )
  return {
    entries: behindMark.entries,
    base: { path, stat, bytes, from: markBytes },
    is: 'replaced',
    since: 0,
  }
}

/** The newest that is sound, of ours and of what the gateway's own writes left. */
async function newestGeneration(
  here: SessionsDir,
  kind: 'index-unreadable' | 'index-missing',
  evidence: string,
): Promise<IndexInForce> {
  const finding = { kind, severity: 'loses', path: here.path(indexName), evidence } as const
  const last = await here.lastIndex()
  const left = [...here.of('index-tmp'), ...here.of('index-backup')]
  for (const { name, stat } of left.sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs)) {
    if (last !== undefined && last.generation.mtimeMs >= stat.mtimeMs) break
    if (stat.bytes > indexLimitBytes) continue
    const bytes = await here.eyes.whole(here.path(name), stat, indexLimitBytes)
    const index = bytes === undefined ? undefined : sessionIndex(bytes)
    // An empty one is what the gateway itself writes over an index that it could not read.
    if (bytes === undefined || index?.is !== 'sound' || index.entries.size === 0) continue
    const base = { path: here.path(name), stat, bytes, from: 0 }
    const what = { entries: index.entries, base }
    return restored(here, finding, JSON.stringify(name), {
      ...without(here, what, endedSince(here, what, stat.mtimeMs)),
      since: stat.mtimeMs,
    })
  }
  if (last !== undefined) {
    const base = { path: last.generation.path, stat: last.stat, bytes: last.bytes, from: 0 }
    const what = { entries: last.entries, base }
    const { mtimeMs } = last.generation
    const ended = endedSince(here, what, mtimeMs)
    const from = `the generation of ${isoOf(mtimeMs)}`
    return restored(here, finding, from, { ...without(here, what, ended), since: mtimeMs })
  }
  const repair = 'rebuild it from the transcripts and their trajectories'
  here.indexBecause.push(here.notes.found({ ...finding, repair, sessions: here.putBack }))
  return { entries: new Map(), base: null, is: 'rebuilt', since: 0 }
}

type Earlier = Pick<IndexInForce, 'entries'> & { readonly base: NonNullable<IndexInForce['base']> }

/** Sessions that their user deleted or reset after this was written: the archive of the transcript tells. */
function endedSince(here: SessionsDir, { entries }: Earlier, writtenMs: number): ReadonlySet<string> {
  const where = { stateDir: here.eyes.site.stateDir, sessionsDir: here.dir }
  const doctored = new Set(archivedByDoctor(here).map(({ name }) => name))
  const ended = new Set<string>()
  for (const [key, entry] of entries) {
    const file = entry === null ? undefined : sessionFile(entry, where)
    if (file?.is !== 'inside' || dirName(file.path) !== here.dir) continue
    const name = baseName(file.path)
    if (here.stats.has(name) || doctored.has(name)) continue
    const archive = here.archivesOf(name)[0]
    if (
      archive !== undefined &&
      (archive.why === 'deleted' || archive.why === 'reset') &&
      archive.at > writtenMs
    )
      ended.add(key)
  }
  return ended
}

/** Made anew of the other entries, where any has to be left out. */
function without(
  here: SessionsDir,
  what: Earlier,
  ended: ReadonlySet<string>,
): Pick<IndexInForce, 'entries' | 'base'> {
  if (ended.size === 0) return what
  const all = JSON.parse(what.base.bytes.toString('utf8')) as Record<string, Record<string, unknown>>
  const entries = new Map([...what.entries].filter(([key]) => !ended.has(key)))
  for (const key of entries.keys()) here.edits.push({ do: 'add', key, entry: all[key]! })
  return { entries, base: null }
}

function restored(
  here: SessionsDir,
  finding: Pick<Found, 'kind' | 'severity' | 'path' | 'evidence'>,
  from: string,
  what: Pick<IndexInForce, 'entries' | 'base' | 'since'>,
): IndexInForce {
  const sessions = counted(what.entries.size, 'session')
  const repair = `restore ${sessions} from ${from}, then add what is newer from the transcripts`
  here.indexBecause.push(here.notes.found({ ...finding, repair, sessions: here.putBack }))
  return { ...what, is: 'rebuilt' }
}

/** One change of the index for everything that asks for one. */
export function writeIndex(here: SessionsDir, index: IndexInForce): void {
  if (index.is === 'standing' && here.edits.length === 0) return
  const path = here.path(indexName)
  const found = here.stats.get(indexName) ?? null
  const { base } = index
  const change =
    base === null
      ? spliced(null, [{ from: 0, to: 0, put: indexOf(here.edits) }], found)
      : spliced(
          base,
          [
            ...(base.from === 0 ? [] : [{ from: 0, to: base.from, put: '' }]),
            ...indexEdits(base.bytes, here.edits, base.from),
          ],
          found,
        )
  here.notes.remedy('index', path, here.indexBecause, change)
}
