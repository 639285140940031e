/**
 * The turns that were cut off and that the next gateway will resume, and how often one died of it.  2026.4.26 resumes
 * them at every start, without end (dist/main-session-restart-recovery-*.js): a turn that kills it would kill it for ever.
 *
 * Written when a state is handed over; counted when the supervisor says that the gateway died soon after it was ready.
 * Which of several turns it died of cannot be known: each that was in flight through all of it is counted.
 */
import { ownFolder } from './places.ts'
import type { Site } from './site.ts'
import type { Ask } from './verdict.ts'

export interface Turn {
  /** Relative to the state directory. */
  readonly dir: string
  readonly key: string
  readonly sessionId: string
}

interface Counted extends Turn {
  readonly deaths: number
}

/** So many deaths soon after its resumption, and a turn is not resumed again. */
export const mostDeaths = 3

export const turnName = ({ dir, key, sessionId }: Turn): string => JSON.stringify([dir, key, sessionId])

/** Deaths by turnName(). */
export type Deaths = ReadonlyMap<string, number>

/** What the record says, after what became of the last gateway. */
export async function deathsSoFar(site: Site, lastRun: Ask['lastRun']): Promise<Deaths> {
  if (lastRun === 'lived') return new Map()
  const more = lastRun === 'died-soon' ? 1 : 0
  return new Map((await read(site)).map((turn) => [turnName(turn), turn.deaths + more]))
}

export async function handOver(site: Site, turns: readonly Turn[], deaths: Deaths): Promise<void> {
  const { disk } = site
  const path = pathOf(site)
  const there = await disk.stat(path)
  if (turns.length === 0 && there === undefined) return
  const counted = turns
    .slice(0, mostTurns)
    .map(({ dir, key, sessionId }) => ({ dir, key, sessionId }))
    .map((turn): Counted => ({ ...turn, deaths: deaths.get(turnName(turn)) ?? 0 }))
  const text = `${JSON.stringify({ version: 1, turns: counted })}\n`
  if (there?.bytes === text.length && (await disk.read(path, 0, limitBytes)).toString('utf8') === text) return
  await disk.mkdir(ownFolder(site), 0o700)
  const fresh = `${path}.new`
  if ((await disk.stat(fresh)) !== undefined) await disk.remove(fresh)
  // Not synced: what a power cut leaves of it is torn, and then none; counting begins anew.
  await disk.create(fresh, [Buffer.from(text)], 0o600)
  await disk.rename(fresh, path)
}

const mostTurns = 1000
const limitBytes = 4 * 1024 * 1024
const pathOf = (site: Site): string => `${ownFolder(site)}/turns.json`

async function read(site: Site): Promise<readonly Counted[]> {
  try {
    const stat = await site.disk.stat(pathOf(site))
    if (stat?.kind !== 'file' || stat.bytes > limitBytes) return []
    const bytes = await site.disk.read(pathOf(site), 0, limitBytes)
    const stored = JSON.parse(bytes.toString('utf8')) as { version?: unknown; turns?: unknown } | null
    return stored?.version === 1 && Array.isArray(stored.turns) ? stored.turns.filter(isCounted) : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

const isCounted = (value: unknown): value is Counted => {
  const { dir, key, sessionId, deaths } = (value ?? {}) as Partial<Counted>
  return (
    [dir, key, sessionId].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(deaths) &&
    deaths! >= 0
  )
}
