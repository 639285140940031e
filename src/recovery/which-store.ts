/**
 * Which store of OpenClaw lies in a state directory: asked of what is found there, never guessed from a version.
 *
 *   file       sessions in files (2026.4 to 2026.7.1, and the line 2026.7.33 and later)
 *   sqlite     sessions in databases (2026.8.1 and later)
 *   migrating  the gateway's own import from the one to the other is under way, or still to come
 *   none       no sessions yet
 *   newer      databases with a schema newer than this program knows
 *   unknown    not OpenClaw's
 *
 * What is newer or unknown is not touched: it is held, saying why and how to start all the same.
 *
 * Where every database is gone, what is found there looks like a first start, or like files. What proves that databases
 * were there makes it `sqlite` all the same: a gateway would begin new ones, without a word.
 */
import {
  agentStore,
  controlPlane,
  firstWithSessions,
  importRuns,
  metaOf,
  newestKnown,
  questions,
  type Meta,
  type Role,
} from '../openclaw/databases.ts'
import { agentsFolder, indexName, sessionsFolder, stateNames } from '../openclaw/layout.ts'
import { inside } from '../openclaw/posix-path.ts'
import { quoted, type Eyes } from './eyes.ts'
import { outsideOf, type DatabaseSeen } from './database-file.ts'
import type { Checkpoint } from './checkpoint.ts'
import { isOurs } from './places.ts'
import { provenDatabases, type Proven } from './proven.ts'
import type { Schema, Store } from './verdict.ts'

export interface WhichStore {
  readonly store: Store
  readonly schema: Schema | null
  /** That there are, sound or not. */
  readonly databases: readonly DatabaseSeen[]
  /** Of these the last confirmed look or a snapshot proves that they were there: all, whatever is there now. */
  readonly proven: readonly Proven[]
  /** Agents whose sessions are in files still, for the gateway to import. */
  readonly unimported: ReadonlySet<string>
  /** Legacy indexes beside databases that the gateway has marked as migrated: it refuses them. */
  readonly reappeared: readonly string[]
  /** The build that did, where there are any. */
  readonly stampedBy: string | null
}

export async function storeOf(eyes: Eyes, confirmed: Checkpoint | undefined): Promise<WhichStore> {
  const { stateDir, installed } = eyes.site
  const nothing = {
    schema: null,
    databases: [],
    proven: [],
    unimported: new Set<string>(),
    reappeared: [],
    stampedBy: null,
  } as const
  const entries = await eyes.list(stateDir)
  if (entries === undefined) {
    const known = eyes.notes.findings.length > 0
    return { store: known ? 'unknown' : 'none', ...nothing }
  }
  const theirs = entries.filter(({ name }) => !isOurs(name))
  const agents = await agentsIn(eyes)
  const databases = await databasesOf(eyes, agents)
  const schema = schemaOf(databases)
  const indexes: { readonly agent: string; readonly path: string }[] = []
  for (const agent of agents) {
    const path = `${stateDir}/${sessionsFolder(agent)}/${indexName}`
    if ((await eyes.stat(path)) !== undefined) indexes.push({ agent, path })
  }
  const hasImported = (await eyes.stat(`${stateDir}/${importRuns}`)) !== undefined
  const isOfRows =
    (schema?.agent ?? 0) >= firstWithSessions.agent || (schema?.state ?? 0) >= firstWithSessions.state
  const proven = await provenDatabases(eyes, confirmed)
  // Files of before, under an OpenClaw that keeps its sessions in files: somebody went back to it.
  const isProven = proven.length > 0 && (indexes.length === 0 || installed?.schemaVersions !== null)
  if (isOfRows || hasImported || isProven || databases.some(({ header }) => header.is === 'no-database')) {
    const seen = { ...nothing, schema, databases, proven }
    if ((schema?.state ?? 0) > newestKnown.state || (schema?.agent ?? 0) > newestKnown.agent) {
      const state = await metaIn(eyes, databases)
      eyes.notes.version = state?.meta?.appVersion ?? null
      const newest = `${inWords(schema!)}; this version of supervise knows up to ${inWords(newestKnown)}`
      unknown(eyes, databases[0]!.path, newest)
      return { store: 'newer', ...seen }
    }
    if (indexes.length === 0) return { store: 'sqlite', ...seen }
    const stamp = await stampOf(eyes, databases, proven)
    // What the control plane would say is seen once it can be asked again.
    if (stamp.is === 'cannot-tell') return { store: 'sqlite', ...seen }
    if (stamp.is === 'none' || (installed != null && stamp.by !== installed.version))
      return { store: 'migrating', ...seen, unimported: new Set(indexes.map(({ agent }) => agent)) }
    return { store: 'sqlite', ...seen, reappeared: indexes.map(({ path }) => path), stampedBy: stamp.by }
  }
  if (theirs.some(({ name }) => name === agentsFolder))
    return { store: 'file', ...nothing, schema, unimported: new Set(indexes.map(({ agent }) => agent)) }
  if (theirs.length === 0 || theirs.some(({ name }) => stateNames.has(name)))
    return { store: 'none', ...nothing, schema }
  unknown(eyes, stateDir, `no state of OpenClaw: ${theirs.length} names, none of them its own`)
  return { store: 'unknown', ...nothing }
}

async function agentsIn(eyes: Eyes): Promise<readonly string[]> {
  const path = `${eyes.site.stateDir}/${agentsFolder}`
  if ((await eyes.stat(path)) === undefined) return []
  const agents: string[] = []
  for (const { name, kind } of (await eyes.list(path)) ?? [])
    if (kind === 'directory' || (kind === 'link' && !(await isAgentsOwn(eyes, path, name)))) agents.push(name)
  return agents.toSorted()
}

/** Another name of an agent of this state is none of its own; one that lies elsewhere is looked at, or told. */
const isAgentsOwn = async (eyes: Eyes, path: string, name: string): Promise<boolean> =>
  inside(await eyes.real(path), await eyes.real(`${path}/${name}`)) !== undefined

async function databasesOf(eyes: Eyes, agents: readonly string[]): Promise<readonly DatabaseSeen[]> {
  const { stateDir } = eyes.site
  const candidates: { role: Role; agentId: string | null; path: string }[] = [
    { role: 'state', agentId: null, path: `${stateDir}/${controlPlane}` },
    ...agents.map((agentId) => ({
      role: 'agent' as const,
      agentId,
      path: `${stateDir}/${agentStore(agentId)}`,
    })),
  ]
  const found: DatabaseSeen[] = []
  for (const candidate of candidates) {
    const seen = await outsideOf(eyes, candidate)
    if (seen !== undefined) found.push(seen)
  }
  return found
}

function schemaOf(databases: readonly DatabaseSeen[]): Schema | null {
  const newest = (role: Role): number | null => {
    const versions = databases
      .filter((one) => one.role === role)
      .flatMap(({ userVersion }) => (userVersion === null ? [] : [userVersion]))
    return versions.length === 0 ? null : Math.max(...versions)
  }
  const schema = { state: newest('state'), agent: newest('agent') }
  return schema.state === null && schema.agent === null ? null : schema
}

type Stamp =
  { readonly is: 'by'; readonly by: string } | { readonly is: 'none' } | { readonly is: 'cannot-tell' }

/** The build that said its migrations are done. */
async function stampOf(
  eyes: Eyes,
  databases: readonly DatabaseSeen[],
  proven: readonly Proven[],
): Promise<Stamp> {
  const state = databases.find(({ role }) => role === 'state')
  if ((state?.stat?.bytes ?? 0) === 0)
    return { is: proven.some(({ role }) => role === 'state') ? 'cannot-tell' : 'none' }
  const seen = await metaIn(eyes, databases)
  if (seen === undefined || (seen.meta === undefined && seen.userVersion > 0)) return { is: 'cannot-tell' }
  return seen.meta?.stampedBy == null ? { is: 'none' } : { is: 'by', by: seen.meta.stampedBy }
}

/** What the control plane says of itself; undefined where it cannot be asked. */
async function metaIn(
  eyes: Eyes,
  databases: readonly DatabaseSeen[],
): Promise<{ readonly meta: Meta | undefined; readonly userVersion: number } | undefined> {
  const path = databases.find(({ role }) => role === 'state')?.path
  const ask = { meta: questions.state.meta }
  const seen =
    path === undefined ? undefined : await eyes.site.databases?.look(path, { depth: 'none', json: [], ask })
  return seen?.is === 'read'
    ? { meta: metaOf(seen.answers['meta']), userVersion: seen.userVersion }
    : undefined
}

export const inWords = ({ state, agent }: Schema): string =>
  [state === null ? [] : [`state schema ${state}`], agent === null ? [] : [`agent schema ${agent}`]]
    .flat()
    .join(', ') || 'no schema'

function unknown(eyes: Eyes, path: string, evidence: string): void {
  const { policy, stateDir } = eyes.site
  eyes.notes.found({
    kind: 'unknown-store',
    severity: policy.unknownStore === 'start' ? 'benign' : 'blocks',
    path,
    evidence,
    repair: null,
    ...(policy.unknownStore === 'start'
      ? {}
      : {
          without: 'needs-operator',
          command: `supervise run --state-dir ${quoted(stateDir)} --unknown-store start`,
        }),
  })
}
