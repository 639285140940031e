/** Which session a transcript belongs to that no entry names: its id from its header, its key from its trajectory. */
import { idInName } from '../openclaw/layout.ts'
import { isSessionId } from '../openclaw/session-key.ts'
import { traceLine } from '../openclaw/trajectory.ts'
import type { Reading } from '../openclaw/transcript.ts'
import { firstLine, lookAtTranscript } from './look-at-lines.ts'
import { trajectories } from './other-record.ts'
import type { SessionsDir } from './sessions-dir.ts'

export interface Claim {
  /** The name that it has, or had before it was archived. */
  readonly name: string
  /** The name of the file that holds it. */
  readonly heldIn: string
  readonly sessionId: string
  /** Undefined when nothing on disk tells. */
  readonly key: string | undefined
  /** ms since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
  readonly reading: Reading
}

/** Undefined for a transcript in which nothing was said. */
export async function whoseTranscript(
  here: SessionsDir,
  name: string,
  heldIn: string,
): Promise<Claim | undefined> {
  const base = name.slice(0, -'.jsonl'.length)
  const stat = here.stats.get(heldIn)!
  const named = idInName(base)
  const reading = await lookAtTranscript(here.eyes, here.path(heldIn), stat, 'whole', {
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
    heldIn,
    sessionId,
    key: await keyOf(here, base),
    firstAt: timeOf(reading.header?.timestamp) ?? lastAt,
    lastAt,
    reading,
  }
}

async function keyOf(here: SessionsDir, base: string): Promise<string | undefined> {
  for (const candidate of trajectories(here, base)) {
    const line = await firstLine(here.eyes, here.path(candidate), here.stats.get(candidate)!.bytes)
    const key = typeof line === 'string' ? traceLine(line)?.sessionKey?.trim().toLowerCase() : undefined
    if (key !== undefined && key !== '') return key
  }
  return undefined
}

const timeOf = (text: string | undefined): number | undefined => {
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isFinite(at) ? at : undefined
}
