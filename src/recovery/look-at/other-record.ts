/**
 * What else on disk still holds the history of a session whose transcript is gone: an archive of it, its trajectory,
 * the copy that a compaction made.
 *
 * `.reset.` archives are the user's own intent and never come back; nor does anything else from before a reset.
 */
import type { FileStat } from '../../host/disk.ts'
import { baseOfTranscript, trajectoryName } from '../../openclaw/layout.ts'
import type { SessionEntry } from '../../openclaw/session-index.ts'
import { rebuilding } from '../../openclaw/trajectory.ts'
import type { Mend } from '../../openclaw/mend.ts'
import { lookAtTranscript } from './lines.ts'
import type { SessionsDir } from './sessions-dir.ts'

export type OtherRecord =
  | {
      readonly is: 'archive'
      readonly path: string
      readonly stat: FileStat
      readonly mends: readonly Mend[]
      /** The archive goes away when it comes back; a copy stays. */
      readonly moves: boolean
      readonly inWords: string
    }
  | { readonly is: 'trajectory'; readonly text: string; readonly inWords: string }
  | { readonly is: 'first-words'; readonly text: string; readonly saidAt: number; readonly inWords: string }
  | { readonly is: 'none' }

/** What is rebuilt is held in memory and in the journal; the gateway's own cap on a trajectory is 50 MiB. */
const mostRebuilt = 64 * 1024 * 1024

export async function otherRecord(
  here: SessionsDir,
  name: string,
  entry: SessionEntry,
  timestamp: string,
): Promise<OtherRecord> {
  const base = baseOfTranscript(name)
  const hint = { id: entry.sessionId, cwd: undefined, timestamp }
  const archives = here.archivesOf(name)
  const wasReset = archives.some((one) => one.why === 'reset')

  const whole = async (candidate: string) => {
    const stat = here.stats.get(candidate)!
    const reading = await lookAtTranscript(here.eyes, here.path(candidate), stat, 'whole', hint)
    if (reading === undefined || !reading.hasMessages || reading.tooMany) return undefined
    return wasReset && reading.header?.id !== entry.sessionId ? undefined : { stat, reading }
  }

  for (const archive of archives) {
    if (archive.why === 'reset') continue
    const found = await whole(archive.name)
    if (found === undefined) continue
    return {
      is: 'archive',
      path: here.path(archive.name),
      stat: found.stat,
      mends: found.reading.mends,
      moves: archive.why === 'deleted' || archive.why === 'bak',
      inWords: `put it back from ${JSON.stringify(archive.name)}`,
    }
  }

  for (const candidate of trajectories(here, base)) {
    const stat = here.stats.get(candidate)!
    const rebuilt = rebuilding(entry.sessionId, { timestamp, limit: mostRebuilt })
    here.notes.read++
    const read = await here.eyes.lines(here.path(candidate), stat.bytes, ({ text }) => {
      if (text !== undefined) rebuilt.line(text)
    })
    const text = read ? rebuilt.finish() : undefined
    if (text === undefined) continue
    if (text.firstWordsAt !== undefined) {
      if (entry.hadTurn || entry.keptElsewhere) continue
      return {
        is: 'first-words',
        text: text.text,
        saidAt: text.firstWordsAt,
        inWords: `write them down from ${JSON.stringify(candidate)}`,
      }
    }
    const tooLong = text.tooLong === 0 ? '' : `; ${text.tooLong} more were too long for it`
    return {
      is: 'trajectory',
      text: text.text,
      inWords: `rebuild ${text.messages} messages of ${text.turns} turns from ${JSON.stringify(candidate)}${tooLong}`,
    }
  }

  const copies = here.of('compaction-copy').filter(({ what }) => what.base === base)
  for (const { name: candidate } of copies.sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs)) {
    const found = await whole(candidate)
    if (found?.reading.header?.id !== entry.sessionId) continue
    return {
      is: 'archive',
      path: here.path(candidate),
      stat: found.stat,
      mends: found.reading.mends,
      moves: false,
      inWords: `copy what a compaction kept in ${JSON.stringify(candidate)}; what came after it is lost`,
    }
  }
  return { is: 'none' }
}

/** The live one first, then what was archived of it. */
export function trajectories(here: SessionsDir, base: string): string[] {
  const name = trajectoryName(base)
  const archived = here.archivesOf(name).flatMap((one) => (one.why === 'deleted' ? [one.name] : []))
  return here.stats.has(name) ? [name, ...archived] : archived
}
