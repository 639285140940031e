/** Sessions of which only a trajectory is left: the index does not tell of them, and a transcript is not there. */
import { transcriptName } from '../../openclaw/layout.ts'
import { isSessionId } from '../../openclaw/session-key.ts'
import { sessionEntry } from '../../openclaw/session-index.ts'
import { traceLine } from '../../openclaw/trajectory.ts'
import { otherRecord } from './other-record.ts'
import { isoOf } from '../iso.ts'
import { type SessionsDir } from './sessions-dir.ts'

export interface Traced {
  /** The name that its transcript had. */
  readonly name: string
  readonly sessionId: string
  readonly key: string | undefined
  /** ms since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
}

/**
 * Whoever deletes or prunes a session leaves its trajectory, and an archive of its transcript that the gateway removes
 * after this time: of one that was silent for longer nothing tells whether it was lost.
 */
const archivesLiveMs = 30 * 24 * 3_600_000

/** The gateway ends one at 50 MiB: what is longer is nothing of its. */
const longestBytes = 256 * 1024 * 1024

/** `since`: what the index in force was made from is of then, and names every session that was begun before it. */
export async function onlyTraced(here: SessionsDir, since: number): Promise<readonly Traced[]> {
  const found: Traced[] = []
  for (const { name: trajectory, stat, what } of here.of('trajectory')) {
    if (stat.bytes > longestBytes) continue
    const name = transcriptName(what.base)
    if (here.isTaken(name) || here.named.has(here.path(name)) || here.isBeingWritten(name)) continue
    const traced = await tracedIn(here, trajectory)
    if (traced === undefined || traced.firstAt <= since) continue
    if (traced.lastAt < here.eyes.site.now() - archivesLiveMs) continue
    const [ended] = here.archivesOf(name).filter(({ why }) => why === 'deleted' || why === 'reset')
    if (ended !== undefined && traced.firstAt <= ended.at) continue
    const entry = sessionEntry({ sessionId: traced.sessionId })!
    if ((await otherRecord(here, name, entry, isoOf(traced.firstAt))).is === 'none') continue
    found.push({ ...traced, name })
  }
  return found
}

/** Of the session that it followed last: after a reset the name of the file stays. */
async function tracedIn(here: SessionsDir, name: string): Promise<Omit<Traced, 'name'> | undefined> {
  const sessions = new Map<string, Omit<Traced, 'name'>>()
  here.notes.read++
  await here.eyes.lines(here.path(name), here.stats.get(name)!.bytes, ({ text }) => {
    const line = text === undefined ? undefined : traceLine(text)
    const at = Date.parse(line?.ts ?? '')
    if (!isSessionId(line?.sessionId) || !Number.isFinite(at)) return
    const { sessionId } = line
    const before = sessions.get(sessionId)
    const key = line.sessionKey?.trim().toLowerCase()
    sessions.set(sessionId, {
      sessionId,
      key: before?.key ?? (key === '' ? undefined : key),
      firstAt: before?.firstAt ?? at,
      lastAt: Math.max(before?.lastAt ?? at, at),
    })
  })
  return [...sessions.values()].toSorted((a, b) => b.firstAt - a.firstAt)[0]
}
