/**
 * What else on disk still holds the history of a session whose transcript is gone: an archive of it, its trajectory,
 * the copy that a compaction made.
 *
 * `.reset.` archives are the user's own intent and never come back; nor does anything else from before a reset.
 */
import type { FileStat } from '../host/disk.ts'
import { sessionsName } from '../openclaw/layout.ts'
import type { SessionEntry } from '../openclaw/session-index.ts'
import { rebuilding } from '../openclaw/trajectory.ts'
import type { Mend } from '../openclaw/transcript.ts'
import type { Eyes } from './eyes.ts'
import { lookAtTranscript } from './look-at-lines.ts'
import type { Names } from './look-at-sessions.ts'

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
  | { readonly is: 'none' }

/** What is rebuilt is held in memory and in the journal; the gateway's own cap on a trajectory is 50 MiB. */
const mostRebuilt = 64 * 1024 * 1024

export async function otherRecord(
  eyes: Eyes,
  names: Names,
  name: string,
  entry: SessionEntry,
  timestamp: string,
): Promise<OtherRecord> {
  const base = name.slice(0, -'.jsonl'.length)
  const hint = { id: entry.sessionId, cwd: undefined, timestamp }
  const archives = names.archives.get(name) ?? []
  const wasReset = archives.some((one) => one.why === 'reset')

  const whole = async (candidate: string) => {
    const stat = names.stats.get(candidate)!
    const reading = await lookAtTranscript(eyes, `${names.dir}/${candidate}`, stat, 'whole', hint)
    if (reading === undefined || !reading.hasMessages || reading.tooMany) return undefined
    return wasReset && reading.header?.id !== entry.sessionId ? undefined : { stat, reading }
  }

  for (const archive of archives) {
    if (archive.why === 'reset') continue
    const found = await whole(archive.name)
    if (found === undefined) continue
    return {
      is: 'archive',
      path: `${names.dir}/${archive.name}`,
      stat: found.stat,
      mends: found.reading.mends,
      moves: archive.why === 'deleted' || archive.why === 'bak',
      inWords: `put it back from ${JSON.stringify(archive.name)}`,
    }
  }

  for (const candidate of trajectories(names, base)) {
    const stat = names.stats.get(candidate)!
    const rebuilt = rebuilding(entry.sessionId, { timestamp, limit: mostRebuilt })
    eyes.notes.read++
    const read = await eyes.lines(`${names.dir}/${candidate}`, stat.bytes, ({ text }) => {
      if (text !== undefined) rebuilt.line(text)
    })
    const text = read ? rebuilt.finish() : undefined
    if (text === undefined) continue
    const tooLong = text.tooLong === 0 ? '' : `; ${text.tooLong} more were too long for it`
    return {
      is: 'trajectory',
      text: text.text,
      inWords: `rebuild ${text.messages} messages of ${text.turns} turns from ${JSON.stringify(candidate)}${tooLong}`,
    }
  }

  const copies = [...names.stats.keys()].filter((one) => {
    const what = sessionsName(one)
    return what.is === 'compaction-copy' && what.base === base
  })
  for (const candidate of copies.sort((a, b) => names.stats.get(b)!.mtimeMs - names.stats.get(a)!.mtimeMs)) {
    const found = await whole(candidate)
    if (found?.reading.header?.id !== entry.sessionId) continue
    return {
      is: 'archive',
      path: `${names.dir}/${candidate}`,
      stat: found.stat,
      mends: found.reading.mends,
      moves: false,
      inWords: `copy what a compaction kept in ${JSON.stringify(candidate)}; what came after it is lost`,
    }
  }
  return { is: 'none' }
}

export function trajectories(names: Names, base: string): string[] {
  const name = `${base}.trajectory.jsonl`
  const archived = (names.archives.get(name) ?? [])
    .filter((one) => one.why === 'deleted')
    .map((one) => one.name)
  return names.stats.has(name) ? [name, ...archived] : archived
}
