/** Is the transcript that an entry names there, inside, and whole; and if not, what comes in its place. */
import type { FileStat } from '../../host/disk.ts'
import { indexName } from '../../openclaw/layout.ts'
import { baseName, dirName, inside } from '../../openclaw/posix-path.ts'
import { sessionFile } from '../../openclaw/session-file.ts'
import type { SessionEntry } from '../../openclaw/session-index.ts'
import type { Reading } from '../../openclaw/transcript.ts'
import { quoted } from '../eyes.ts'
import { lookAtTranscript } from './lines.ts'
import { spliced } from '../notebook.ts'
import { otherRecord, type OtherRecord } from './other-record.ts'
import type { Because } from '../seen.ts'
import { isoOf } from '../iso.ts'
import { type SessionsDir } from './sessions-dir.ts'

export async function lookAtEntry(here: SessionsDir, key: string, entry: SessionEntry): Promise<void> {
  const path = await fileOf(here, key, entry)
  if (path === undefined) return
  const keys = here.named.get(path)
  if (keys !== undefined) {
    keys.push(key)
    return
  }
  here.named.set(path, [key])
  // In the directory of another agent it is looked at there, by its own index.
  if (dirName(path) !== here.dir) return
  const stat = here.stats.get(baseName(path))
  if (stat === undefined) {
    // What is there but no regular file was reported when the directory was read.
    if (!here.isReported(path)) await missing(here, path, entry, null)
  } else if (stat.bytes === 0) await missing(here, path, entry, stat)
  else await present(here, path, stat, entry)
}

async function fileOf(here: SessionsDir, key: string, entry: SessionEntry): Promise<string | undefined> {
  const { stateDir } = here.eyes.site
  const file = sessionFile(entry, { stateDir, sessionsDir: here.dir })
  if (file.is === 'none') return undefined
  if (file.is === 'inside') return file.path
  // A state reached through a link is named by the link: only where it really leads counts.
  const real = `${await here.eyes.real(dirName(file.path))}/${baseName(file.path)}`
  if (inside(stateDir, real) !== undefined) return real
  const path = here.path(baseName(file.path))
  const isHere = here.stats.has(baseName(path))
  const because = here.notes.found({
    kind: 'pointer-outside',
    severity: 'loses',
    path: here.path(indexName),
    evidence: `session ${JSON.stringify(key)} is read from and written to ${JSON.stringify(file.path)}`,
    repair: isHere
      ? 'point it at the file of that name here'
      : 'point it at that name here, where no file is yet',
  })
  here.edit({ do: 'set', key, field: 'sessionFile', value: path }, because)
  return path
}

async function present(here: SessionsDir, path: string, stat: FileStat, entry: SessionEntry): Promise<void> {
  here.notes.transcripts++
  if (here.isUnchanged(baseName(path))) return
  const reading = await lookAtTranscript(here.eyes, path, stat, here.depth.changed, {
    id: entry.sessionId,
    cwd: undefined,
    timestamp: isoOf(entry.startedAt ?? entry.updatedAt ?? stat.mtimeMs),
  })
  if (reading === undefined || reading.defects.length === 0 || here.isBeingWritten(baseName(path))) return
  if (reading.lines === 0) await missing(here, path, entry, stat)
  else mend(here, path, stat, reading)
}

const mendInWords = {
  'no-final-newline': 'end the line',
  'torn-tail': 'keep the tail, cut to the last whole line',
  'bad-header': 'keep the line, write a header',
  'torn-middle': 'keep the line, restore the link across it',
  looping: 'keep the line, name the one before it as its parent',
  unanswered: 'put an empty answer beside the first words, which keeps them',
} as const

/** A finding for each defect, one change for all of them. */
export function mend(here: SessionsDir, path: string, stat: FileStat, reading: Reading): void {
  if (reading.defects.length === 0) return
  if (reading.tooMany) {
    here.notes.found({
      kind: 'unreadable',
      severity: 'blocks',
      path,
      evidence: 'more damaged places than a crash makes: this is no transcript',
      repair: null,
      without: 'needs-operator',
      command: `file ${quoted(path)}`,
    })
    return
  }
  const [stuck] = reading.defects
  if (stuck !== undefined && reading.mends.length === 0) {
    here.notes.found({
      kind: `transcript-${stuck.is}`,
      severity: 'blocks',
      path,
      evidence: `${stuck.evidence}; no line of it can be changed`,
      repair: null,
      without: 'needs-operator',
      command: `tail ${quoted(path)}`,
    })
    return
  }
  const because = reading.defects.map((defect) =>
    here.notes.found({
      kind: `transcript-${defect.is}`,
      severity: defect.is === 'looping' ? 'blocks' : 'loses',
      path,
      evidence: defect.evidence,
      repair: mendInWords[defect.is],
    }),
  )
  here.notes.remedy('content', path, because, {
    ...spliced({ path, stat }, reading.mends, stat),
    mtimeMs: stat.mtimeMs,
  })
}

/** Nothing of the history is in its place: absent, empty, or not one line of it parses. */
async function missing(
  here: SessionsDir,
  path: string,
  entry: SessionEntry,
  found: FileStat | null,
): Promise<void> {
  const name = baseName(path)
  if (here.isBeingWritten(name)) return
  const timestamp = isoOf(entry.startedAt ?? entry.updatedAt ?? 0)
  const other = await otherRecord(here, name, entry, timestamp)
  // The first turn is written down only when its first answer is complete; after a reset there is nothing, either.
  const isNormal = !entry.hadTurn && (found === null || found.bytes === 0)
  if (other.is === 'none' && (isNormal || entry.keptElsewhere)) return

  if (other.is === 'first-words') {
    here.firstWords.set(path, other.saidAt)
    const because = here.notes.found({
      kind: 'first-turn-unwritten',
      severity: 'loses',
      path,
      evidence: `the first turn of session ${JSON.stringify(here.named.get(path)?.[0])} was cut off before its transcript was written: its user's words stand in the trajectory only`,
      repair: other.inWords,
    })
    return write(here, path, other.text, because, found, entry)
  }
  const what = found === null ? 'absent' : found.bytes === 0 ? 'empty' : 'without one line that parses'
  const turn = `a turn of session ${JSON.stringify(here.named.get(path)?.[0])} was completed, its transcript is ${what}`
  const finding = {
    kind: found === null ? 'transcript-missing' : 'transcript-bad-header',
    severity: 'loses',
    path,
    evidence: other.is === 'none' ? `${turn}; nothing on disk still holds it` : turn,
  } as const
  if (other.is === 'none' && here.eyes.site.policy.onLoss === 'hold') {
    const command = `supervise run --state-dir ${quoted(here.eyes.site.stateDir)} --on-loss start`
    here.notes.found({ ...finding, repair: null, without: 'needs-operator', command })
    return
  }
  const repair = other.is === 'none' ? 'begin it anew: the history is lost' : other.inWords
  const because = here.notes.found({ ...finding, repair })
  if (other.is === 'archive') return putBack(here, path, other, because, found)
  const header = { type: 'session', version: 3, id: entry.sessionId, timestamp }
  const text = other.is === 'trajectory' ? other.text : `${JSON.stringify(header)}\n`
  write(here, path, text, because, found, entry)
}

function write(
  here: SessionsDir,
  path: string,
  text: string,
  because: Because,
  found: FileStat | null,
  { updatedAt = 0 }: SessionEntry,
): void {
  const isTime = updatedAt > 0 && updatedAt <= here.eyes.site.now()
  here.notes.remedy('content', path, [because], {
    ...spliced(null, [{ from: 0, to: 0, put: text }], found),
    ...(isTime ? { mtimeMs: updatedAt } : {}),
    // As the gateway makes them.
    ...(found === null ? { mode: 0o644 } : {}),
  })
}

/** An archive comes back under its old name; mended on the way, when it is itself damaged. */
export function putBack(
  here: SessionsDir,
  path: string,
  archive: Omit<OtherRecord & { is: 'archive' }, 'is' | 'inWords'>,
  because: Because,
  found: FileStat | null,
): void {
  const { path: from, stat, mends, moves } = archive
  if (moves && mends.length === 0 && found === null) {
    here.notes.remedy('content', path, [because], { do: 'put-back', from, found: stat })
    return
  }
  here.notes.remedy('content', path, [because], {
    ...spliced({ path: from, stat }, mends, found),
    mtimeMs: stat.mtimeMs,
  })
  // What came back mended is a copy: the torn archive itself goes where all replaced bytes go.
  if (moves) here.notes.remedy('evidence', from, [because], { do: 'set-aside', found: stat })
}
