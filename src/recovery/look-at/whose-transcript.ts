/** Which session a transcript belongs to that no entry names: its id from its header, its key from its trajectory. */
import { baseOfTranscript, idInName } from '../../openclaw/layout.ts'
import { sessionFile } from '../../openclaw/session-file.ts'
import { isSessionId } from '../../openclaw/session-key.ts'
import { traceLine } from '../../openclaw/trajectory.ts'
import type { Reading } from '../../openclaw/transcript.ts'
import { firstLine, lookAtTranscript } from './lines.ts'
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
  /** Its entry under that key in our last generation of the index. */
  readonly before: Readonly<Record<string, unknown>> | undefined
  /** ms since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
  /** Undefined for one that is rebuilt from its trajectory. */
  readonly reading: Reading | undefined
}

/** Undefined for a transcript in which nothing was said. */
export async function whoseTranscript(
  here: SessionsDir,
  name: string,
  heldIn: string,
): Promise<Claim | undefined> {
  const base = baseOfTranscript(name)
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
    ...(await knownAs(here, name, sessionId)),
    firstAt: timeOf(reading.header?.timestamp) ?? lastAt,
    lastAt,
    reading,
  }
}

/** Our last generation of the index knows best; else its trajectory's lines tell. */
async function knownAs(
  here: SessionsDir,
  name: string,
  sessionId: string,
): Promise<Pick<Claim, 'key' | 'before'>> {
  const where = { stateDir: here.eyes.site.stateDir, sessionsDir: here.dir }
  const last = await here.lastIndex()
  for (const [key, entry] of last?.entries ?? []) {
    if (entry === null || entry.sessionId !== sessionId) continue
    const file = sessionFile(entry, where)
    if (file.is !== 'inside' || file.path !== here.path(name)) continue
    const all = JSON.parse(last!.bytes.toString('utf8')) as Record<string, Record<string, unknown>>
    return { key, before: all[key] }
  }
  return { key: await keyOf(here, baseOfTranscript(name)), before: undefined }
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
