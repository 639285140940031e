/**
 * What the names in an OpenClaw state directory mean.
 *
 * 2026.4.26: dist/artifacts-*.js (archives, compaction copies), dist/session-write-lock-*.js (locks),
 * dist/json-files-*.js (temporaries), dist/selection-*.js (trajectories and their pointers).
 */

export const indexName = 'sessions.json'
export const indexLockName = `${indexName}.lock`
/** Of whatever: it says nothing without the process that holds it. */
export const isLockName = (name: string): boolean => name.endsWith('.lock')

/** Of each agent a folder, by its id. */
export const agentsFolder = 'agents'
/** Of one agent, in the state directory. */
export const sessionsFolder = (agentId: string): string => `${agentsFolder}/${agentId}/sessions`

export const transcriptName = (base: string): string => `${base}.jsonl`
export const baseOfTranscript = (name: string): string => name.replace(/\.jsonl$/, '')
export const trajectoryName = (base: string): string => `${base}.trajectory.jsonl`

export const pairedDevices = 'devices/paired.json'
export const deviceLists: readonly string[] = [pairedDevices, 'devices/pending.json']

/** What a file in `agents/<id>/sessions` is, by its name alone. */
export type SessionsName =
  | { readonly is: 'index' }
  | { readonly is: 'index-lock' }
  /** Written whole and synced before it is renamed: complete, it is newer than the index. */
  | { readonly is: 'index-tmp' }
  | { readonly is: 'index-backup' }
  | { readonly is: 'transcript'; readonly base: string }
  | { readonly is: 'trajectory'; readonly base: string }
  | { readonly is: 'pointer'; readonly base: string }
  | { readonly is: 'lock'; readonly base: string }
  /** The transcript as it was before a compaction. */
  | { readonly is: 'compaction-copy'; readonly base: string }
  /** `of`: the name it had. */
  | {
      readonly is: 'archive'
      readonly of: string
      readonly why: 'deleted' | 'reset' | 'bak' | 'repair'
      /** ms since the epoch. */
      readonly at: number
    }
  /** Left by a write that was cut off. */
  | { readonly is: 'debris' }
  | { readonly is: 'other' }

const stamp = String.raw`\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d{3})?Z`
const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
const archive = new RegExp(String.raw`^(.+)\.(deleted|reset|bak)\.(${stamp})$`, 's')
const repairBackup = /^(.+\.jsonl)\.bak-\d+-(\d+)$/s
/** Copied before a `doctor --fix` rewrites the transcript in place (2026.4.26: dist/doctor-session-transcripts-*.js). */
const doctorBackup =
  /^(.+\.jsonl)\.pre-doctor-branch-repair-(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2})-(\d{3}Z)\.bak$/s
const compactionCopy = new RegExp(String.raw`^(.+)\.checkpoint\.${uuid}\.jsonl$`, 'is')
const generated = new RegExp(`^${uuid}$`, 'i')
const forked = /^\d{4}-\d{2}-\d{2}T[\w-]+_(.+)$/s

export function sessionsName(name: string): SessionsName {
  if (name === indexName) return { is: 'index' }
  if (name === indexLockName) return { is: 'index-lock' }
  if (name.startsWith(`${indexName}.`)) {
    if (name.endsWith('.tmp')) return { is: 'index-tmp' }
    if (/^sessions\.json\.bak\.\d+$/.test(name)) return { is: 'index-backup' }
  }
  if (name.endsWith('.jsonl.lock')) return { is: 'lock', base: name.slice(0, -'.jsonl.lock'.length) }
  if (name.endsWith('.trajectory-path.json'))
    return { is: 'pointer', base: name.slice(0, -'.trajectory-path.json'.length) }
  if (name.endsWith('.trajectory.jsonl'))
    return { is: 'trajectory', base: name.slice(0, -'.trajectory.jsonl'.length) }
  if (name.endsWith('.jsonl')) {
    const copied = compactionCopy.exec(name)
    if (copied?.[1] !== undefined) return { is: 'compaction-copy', base: copied[1] }
    return { is: 'transcript', base: name.slice(0, -'.jsonl'.length) }
  }
  if (name.endsWith('.tmp')) return { is: 'debris' }
  const [, of, why, at] = archive.exec(name) ?? []
  if (of !== undefined) return { is: 'archive', of, why: why as 'deleted' | 'reset' | 'bak', at: timeIn(at!) }
  const [, repaired, ms] = repairBackup.exec(name) ?? []
  if (repaired !== undefined) return { is: 'archive', of: repaired, why: 'repair', at: Number(ms) }
  const [, rewritten, second, rest] = doctorBackup.exec(name) ?? []
  if (rewritten !== undefined)
    return { is: 'archive', of: rewritten, why: 'repair', at: timeIn(`${second}.${rest}`) }
  return { is: 'other' }
}

/** `2026-11-22T09-24-48.911Z`: a time without colons. */
const timeIn = (text: string): number => Date.parse(text.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:')) || 0

/** The session id that a transcript's name was made from: `<id>`, `<id>-topic-<t>`, `<time>_<id>`; else the name. */
export function idInName(base: string): string {
  const topic = base.indexOf('-topic-')
  if (topic > 0 && generated.test(base.slice(0, topic))) return base.slice(0, topic)
  const fork = forked.exec(base)?.[1]
  return fork !== undefined && generated.test(fork) ? fork : base
}

/** Names at the top of a state directory by which it is known (2026.4.26: dist/paths-*.js, dist/*-store-*.js). */
export const stateNames: ReadonlySet<string> = new Set([
  'openclaw.json',
  'clawdbot.json',
  agentsFolder,
  'credentials',
  'devices',
  'identity',
  'tasks',
  'flows',
  'logs',
  'cron',
  'canvas',
  'plugins',
  'workspace',
  'plugin-runtime-deps',
  'update-check.json',
  'state',
  'sessions',
  'exec-approvals.json',
  'gateway-restart-intent.json',
  'restart-sentinel.json',
])

export const restartIntentName = 'gateway-restart-intent.json'

/** The databases of 2026.4.26 (dist/task-registry-*.js): a set is the file with its log and its index. */
export const taskDatabases: readonly string[] = ['tasks/runs.sqlite', 'flows/registry.sqlite']

/** Something of OpenClaw's lies there, or nothing at all yet (a first start). `supervise` is our own folder. */
export const isStateDirectory = (names: readonly string[]): boolean =>
  names.every((name) => name === 'supervise') || names.some((name) => stateNames.has(name))

/** Kept open for writing by a gateway alone: its sessions and its databases, by their path in the state directory. */
export const isOfStore = (path: string): boolean =>
  /^agents\/[^/]+\/(?:sessions|agent)\/./s.test(path) || /^(?:state|tasks|flows)\/.*\.sqlite$/s.test(path)
