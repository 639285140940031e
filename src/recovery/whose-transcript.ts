/** Which session a transcript belongs to that no entry names: its id from its header, its key from its trajectory. */
import { idInName } from '../openclaw/layout.ts'
import { isSessionId } from '../openclaw/session-key.ts'
import { traceLine } from '../openclaw/trajectory.ts'
import type { Reading } from '../openclaw/transcript.ts'
import type { Eyes } from './eyes.ts'
import { firstLine, lookAtTranscript } from './look-at-lines.ts'
import type { Names } from './look-at-sessions.ts'
import { trajectories } from './other-record.ts'

export interface Claim {
  readonly name: string
  readonly sessionId: string
  /** Undefined when nothing on disk tells. */
  readonly key: string | undefined
  /** ms since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
  readonly reading: Reading
}

/** Undefined for a transcript in which nothing was said. */
export async function whoseTranscript(eyes: Eyes, names: Names, name: string): Promise<Claim | undefined> {
  const base = name.slice(0, -'.jsonl'.length)
  const stat = names.stats.get(name)!
  const named = idInName(base)
  const reading = await lookAtTranscript(eyes, `${names.dir}/${name}`, stat, 'whole', {
    id: named,
    cwd: undefined,
    timestamp: new Date(stat.mtimeMs).toISOString(),
  })
  if (reading === undefined || !reading.hasMessages) return undefined
  const sessionId = reading.header?.id ?? named
  if (!isSessionId(sessionId)) return undefined
  const lastAt = timeOf(reading.lastTimestamp) ?? Math.floor(stat.mtimeMs)
  return {
    name,
    sessionId,
    key: await keyOf(eyes, names, base),
    firstAt: timeOf(reading.header?.timestamp) ?? lastAt,
    lastAt,
    reading,
  }
}

async function keyOf(eyes: Eyes, names: Names, base: string): Promise<string | undefined> {
  for (const candidate of trajectories(names, base)) {
    const line = await firstLine(eyes, `${names.dir}/${candidate}`, names.stats.get(candidate)!.bytes)
    const key = typeof line === 'string' ? traceLine(line)?.sessionKey?.trim().toLowerCase() : undefined
    if (key !== undefined && key !== '') return key
  }
  return undefined
}

const timeOf = (text: string | undefined): number | undefined => {
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isFinite(at) ? at : undefined
}
