/**
 * Looks at a state directory by the eyes of a gateway that is about to start on it, and says what it would lose, what
 * would not work, and what would be done about it.
 *
 * 1. Changes nothing, ever; opens only regular files, follows nothing that leads outside.
 * 2. What cannot be read is a finding, never sound.
 * 3. An unfamiliar field, file or directory is never damage; an unfamiliar store is not touched.
 * 4. Reads in bounded pieces: memory does not grow with the bytes kept.
 * 5. Without a checkpoint, or when recovery is owed from another life of this machine (a power cut can lose what was
 *    written without a sync), everything is read. Owed from this one, what changed is read whole; not owed, its ends.
 *    What did not change since it was found consistent is not read again.
 */
import type { FileStat } from '../host/disk.ts'
import { agentsFolder, sessionsFolder } from '../openclaw/layout.ts'
import { baseName, dirName, inside } from '../openclaw/posix-path.ts'
import {
  isUnchanged,
  mayBeTrusted,
  markOf,
  readCheckpoint,
  type Checkpoint,
  type Confirmed,
  type Mark,
} from './checkpoint.ts'
import { logSight } from './database-file.ts'
import { Eyes, wayOut } from './eyes.ts'
import { lookAtConfig } from './look-at/config.ts'
import { lookAtDatabases } from './look-at/databases.ts'
import { lookAtDevices } from './look-at/devices.ts'
import { lookAtGatewayLock, lookAtRestartIntent } from './look-at/earlier-life.ts'
import { lookAtImport } from './look-at/import.ts'
import type { Finding } from './finding.ts'
import { deathsSoFar, type Deaths } from './turns.ts'
import { lookAtSessions } from './look-at/sessions.ts'
import { lookAtStore } from './look-at/store.ts'
import { Notebook } from './notebook.ts'
import type { Seen } from './seen.ts'
import type { Site } from './site.ts'
import { storeOf, type WhichStore } from './which-store.ts'
import type { Ask, Inspection } from './verdict.ts'

export interface Look {
  /** As in Ask. */
  readonly owed: Ask['owed']
  readonly signal?: AbortSignal
  readonly deaths?: Deaths
}

export async function inspect(site: Site, look: Look): Promise<Seen> {
  const began = site.now()
  const notes = new Notebook(site.stateDir, look.deaths ?? (await deathsSoFar(site, 'unknown')))
  const eyes = new Eyes(site, notes, look.signal)
  const root = await eyes.stat(site.stateDir)
  const confirmed = await readCheckpoint(site)
  const trust = trusted(site, confirmed, root, look.owed)
  const which = await storeOf(eyes, confirmed)
  const { store } = which
  const walked: Walked[] = []
  let isAllAsConfirmed = true

  if (store !== 'unknown' && store !== 'newer') {
    await lookAtConfig(eyes, store)
    await lookAtDevices(eyes, store)
    await lookAtRestartIntent(eyes)
    await lookAtGatewayLock(eyes)
    const looked = await lookAtDatabases(eyes, (dir) => trust?.directories.get(notes.shown(dir)))
    for (const [dir, stats] of looked)
      walked.push({ dir: notes.shown(dir), stats, sessions: 0, transcripts: 0, benign: [] })
  }
  if (store === 'sqlite' || store === 'migrating') {
    for (const [dir, stats] of await lookAtStore(eyes, which, { owed: look.owed, confirmed, trust })) {
      const logs = which.databases
        .filter(({ path }) => dirName(path) === dir)
        .map((one) => [baseName(one.path), logSight(one)] as const)
      walked.push({ dir: notes.shown(dir), stats, sessions: 0, transcripts: 0, benign: [], logs })
    }
  }
  for (const where of store === 'file' || store === 'migrating' ? await sessionsDirs(eyes) : []) {
    const dir = notes.shown(where.dir)
    const before = {
      sessions: notes.sessions,
      transcripts: notes.transcripts,
      findings: notes.findings.length,
    }
    const changed = look.owed === 'no' ? 'ends' : 'whole'
    const depth = { changed, trust: trust?.directories.get(dir) } as const
    const stats = await lookAtSessions(eyes, { ...where, depth })
    if (stats === undefined) continue
    if (stats !== 'as confirmed') isAllAsConfirmed = false
    walked.push({
      dir,
      stats: stats === 'as confirmed' ? undefined : stats,
      sessions: notes.sessions - before.sessions,
      transcripts: notes.transcripts - before.transcripts,
      benign: notes.findings.slice(before.findings),
    })
  }

  lookAtImport(eyes, which)
  const remedies = notes.remedies()
  const isSame = isAllAsConfirmed && trust?.bootId === site.bootId && trust.directories.size === walked.length
  return {
    inspection: inspectionOf(notes, which, remedies.length > 0),
    remedies,
    databases: store === 'sqlite' || store === 'migrating' ? which.databases : [],
    turns: notes.turns,
    checkpoint:
      isSame && walked.every((one) => isAsMarked(one, trust))
        ? trust
        : checkpointOf(site, root, walked, began, trust),
  }
}

function trusted(
  site: Site,
  checkpoint: Checkpoint | undefined,
  root: FileStat | undefined,
  owed: Look['owed'],
): Checkpoint | undefined {
  if (owed === 'another-boot') return undefined
  if (checkpoint === undefined || checkpoint.dev !== root?.dev) return undefined
  return owed === 'no' || checkpoint.bootId === site.bootId ? checkpoint : undefined
}

type Walked = Omit<Confirmed, 'marks' | 'seal'> & {
  readonly dir: string
  /** Undefined when it is as it was confirmed. */
  readonly stats: ReadonlyMap<string, FileStat> | undefined
}

async function sessionsDirs(eyes: Eyes): Promise<{ dir: string; agentId: string }[]> {
  const agents = `${eyes.site.stateDir}/${agentsFolder}`
  const found: { dir: string; agentId: string }[] = []
  for (const { name, kind } of (await eyes.list(agents)) ?? []) {
    if (kind !== 'directory' && kind !== 'link') continue
    // A link out of the state that is no agent of ours is nobody's damage; one that stands for an agent is.
    const dir = `${eyes.site.stateDir}/${sessionsFolder(name)}`
    if (kind === 'link') {
      const real = await eyes.real(`${agents}/${name}`)
      if (!eyes.isOfState(real)) {
        eyes.misplaced(
          `${agents}/${name}`,
          `a link that leads outside, where the directory of an agent belongs (${wayOut})`,
        )
        continue
      }
      if (inside(await eyes.real(agents), real) !== undefined) continue
    }
    if ((await eyes.stat(dir)) !== undefined) found.push({ dir, agentId: name })
  }
  return found.toSorted((a, b) => (a.dir < b.dir ? -1 : 1))
}

function inspectionOf(notes: Notebook, { store, schema }: WhichStore, hasRemedies: boolean): Inspection {
  const findings = notes.sorted()
  return {
    store,
    version: notes.version,
    schema,
    verdict: verdictOf(findings, hasRemedies),
    findings,
    counts: {
      sessions: notes.sessions,
      transcripts: notes.transcripts,
      files: notes.files,
      read: notes.read,
    },
  }
}

/** What may pass by itself is waited for before a person is called: it may be why the rest looks as it does. */
function verdictOf(findings: readonly Finding[], hasRemedies: boolean): Inspection['verdict'] {
  if (findings.some((one) => one.without === 'retry-later')) return 'retry-later'
  if (findings.some((one) => one.without === 'needs-operator')) return 'needs-operator'
  if (findings.some((one) => one.severity !== 'benign')) return 'repairable'
  return hasRemedies ? 'repairable' : 'consistent'
}

function checkpointOf(
  site: Site,
  root: FileStat | undefined,
  walked: readonly Walked[],
  began: number,
  trust: Checkpoint | undefined,
): Checkpoint {
  const directories = new Map<string, Confirmed>()
  for (const { dir, stats, ...rest } of walked) {
    const marks = new Map<string, Mark>()
    for (const [name, stat] of stats ?? []) if (mayBeTrusted(stat, began)) marks.set(name, markOf(stat))
    directories.set(dir, stats === undefined ? trust!.directories.get(dir)! : { ...rest, marks, seal: null })
  }
  return { bootId: site.bootId, dev: root?.dev ?? 0, directories }
}

function isAsMarked({ dir, stats, logs }: Walked, trust: Checkpoint): boolean {
  if (stats === undefined) return true
  const confirmed = trust.directories.get(dir)
  // An index of a log is written through memory, which no time of a file tells.
  if (JSON.stringify(confirmed?.logs) !== JSON.stringify(logs)) return false
  const marks = confirmed?.marks
  return marks?.size === stats.size && [...stats].every(([name, stat]) => isUnchanged(stat, marks.get(name)))
}
