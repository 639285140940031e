/** Which index is in force: the one that stands there, or, when the gateway would take it for empty, what replaces it. */
import type { FileStat } from '../host/disk.ts'
import { indexName } from '../openclaw/layout.ts'
import {
  indexEdits,
  indexLimitBytes,
  indexOf,
  markBytes,
  sessionIndex,
  type SessionEntry,
} from '../openclaw/session-index.ts'
import { archivedByDoctor } from './archived-by-doctor.ts'
import { spliced, type Found } from './notebook.ts'
import { counted, isoOf, type SessionsDir } from './sessions-dir.ts'

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
}

/** Undefined when it cannot be told: then that is a finding already. */
export async function indexInForce(here: SessionsDir): Promise<IndexInForce | undefined> {
  const path = here.path(indexName)
  const stat = here.stats.get(indexName)
  if (stat === undefined) {
    if (here.isReported(path)) return undefined
    const transcripts = here.of('transcript').length + archivedByDoctor(here).length
    if (transcripts === 0) return { entries: new Map(), base: null, is: 'standing' }
    return await newestGeneration(
      here,
      'index-missing',
      `no ${indexName}, but ${counted(transcripts, 'transcript')}`,
    )
  }
  const bytes = await here.eyes.whole(path, stat, indexLimitBytes)
  if (bytes === undefined) return undefined
  const index = sessionIndex(bytes)
  if (index.is === 'sound')
    return { entries: index.entries, base: { path, stat, bytes, from: 0 }, is: 'standing' }
  const evidence = `${stat.bytes} bytes: ${index.why}`
  const behindMark = index.soundBehindMark === true ? sessionIndex(bytes.subarray(markBytes)) : undefined
  if (behindMark?.is !== 'sound') return await newestGeneration(here, 'index-unreadable', evidence)
  const repair = 'take the mark away'
  here.indexBecause.push(
    here.notes.found({ kind: 'index-unreadable', severity: 'loses', path, evidence, repair }),
  )
  return { entries: behindMark.entries, base: { path, stat, bytes, from: markBytes }, is: 'replaced' }
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
    return restored(here, finding, JSON.stringify(name), { entries: index.entries, base })
  }
  if (last !== undefined) {
    const base = { path: last.generation.path, stat: last.stat, bytes: last.bytes, from: 0 }
    return restored(here, finding, `the generation of ${isoOf(last.generation.mtimeMs)}`, {
      entries: last.entries,
      base,
    })
  }
  const repair = 'rebuild it from the transcripts and their trajectories'
  here.indexBecause.push(here.notes.found({ ...finding, repair }))
  return { entries: new Map(), base: null, is: 'rebuilt' }
}

function restored(
  here: SessionsDir,
  finding: Pick<Found, 'kind' | 'severity' | 'path' | 'evidence'>,
  from: string,
  what: Pick<IndexInForce, 'entries' | 'base'>,
): IndexInForce {
  const sessions = counted(what.entries.size, 'session')
  const repair = `restore ${sessions} from ${from}, then add what is newer from the transcripts`
  here.indexBecause.push(here.notes.found({ ...finding, repair }))
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
