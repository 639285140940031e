/**
 * The databases of 2026.8.1 and later: where they lie, which schemas are known, what is asked of them.
 *
 * 2026.9.6 (docs/reference and dist): `state/openclaw.sqlite` is the control plane (state schema 18),
 * `agents/<id>/agent/openclaw-agent.sqlite` holds sessions, transcripts and trajectories of one agent (agent schema
 * 23). The agent's database exists since 2026.7 (schema 1), but sessions moved into it with schema 4 (2026.7.2-beta.1);
 * the first stable release that has them there is 2026.8.1 (state 15, agent 19).
 */
import { agentsFolder } from './layout.ts'

export const controlPlane = 'state/openclaw.sqlite'
export const agentStore = (agentId: string): string =>
  `${agentsFolder}/${agentId}/agent/openclaw-agent.sqlite`

/** Whose database lies in this folder of the state, if an agent's does. */
export const agentOfFolder = (dir: string): string | undefined => /^agents\/([^/]+)\/agent$/.exec(dir)?.[1]
/** Derived: which databases it had set apart, and when it verified the others. Rebuilt when it is gone. */
export const quarantineStore = 'state/openclaw-quarantine.sqlite'
export const importRuns = 'session-sqlite-migration-runs'

/** From which schema on sessions are rows. */
export const firstWithSessions = { state: 15, agent: 4 }
/** Up to which this program knows what it looks at. */
export const newestKnown = { state: 18, agent: 23 }

export type Role = 'state' | 'agent'

/**
 * What the gateway parses as JSON: what does not parse is exit 1 for ever, or a session that answers 500. Since 2026.9
 * an event of more than a few hundred bytes is kept compressed (dist/transcript-payload-*.js).
 */
export const jsonColumns: Readonly<
  Record<
    Role,
    readonly {
      readonly table: string
      readonly column: string
      readonly packed?: {
        readonly column: string
        readonly bytes: string
        readonly beside: readonly string[]
      }
    }[]
  >
> = {
  state: [],
  agent: [
    { table: 'session_nodes', column: 'entry_json' },
    { table: 'transcript_events', column: 'event_json' },
    {
      table: 'transcript_events',
      column: 'event_json',
      packed: { column: 'event_zstd', bytes: 'event_utf8_bytes', beside: ['navigation_json'] },
    },
    { table: 'trajectory_runtime_events', column: 'event_json' },
  ],
}

export const questions = {
  state: {
    meta: 'SELECT meta_key, role, schema_version, agent_id, app_version FROM schema_meta',
    agents: 'SELECT agent_id, path, schema_version, size_bytes FROM agent_databases',
    deleted: 'SELECT agent_id FROM agent_deletion_journal',
    created: 'SELECT agent_id, created_at_ms FROM agent_provenance',
    born: "SELECT created_at AS at FROM schema_meta WHERE meta_key = 'primary'",
    boot: 'SELECT pid, completed_at_ms, outcome, reason FROM gateway_boot_lifecycle ORDER BY started_at_ms DESC LIMIT 1',
  },
  agent: {
    meta: 'SELECT meta_key, role, schema_version, agent_id, app_version FROM schema_meta',
    sessions: 'SELECT count(*) AS n FROM session_nodes',
    born: "SELECT created_at AS at FROM schema_meta WHERE meta_key = 'primary'",
    transcripts: 'SELECT count(*) AS n FROM session_windows',
  },
} as const satisfies Record<Role, Readonly<Record<string, string>>>

/** Two states of an agent's database that answer this alike hold the same; costs a look at every row. */
export const contentQuestions = {
  nodes:
    'SELECT count(*) AS n, max(updated_at) AS newest, total(length(entry_json)) AS bytes FROM session_nodes',
  events:
    'SELECT count(*) AS n, max(created_at) AS newest, total(length(event_json)) + total(length(event_zstd)) AS bytes FROM transcript_events',
} as const

/** What a user would miss of a database that was begun anew, and how one row of it is known from another. */
const worth: Readonly<
  Record<
    Role,
    readonly {
      readonly table: string
      readonly key: string
      readonly where: string
      readonly called: string
    }[]
  >
> = {
  state: [
    { table: 'device_pairing_paired', key: 'device_id', where: 'true', called: 'paired device' },
    {
      table: 'channel_pairing_allow_entries',
      key: "channel_key || ' ' || account_id || ' ' || entry",
      where: 'true',
      called: 'sender let in',
    },
    // Those that have a declaration the gateway makes by itself.
    { table: 'cron_jobs', key: 'name', where: 'declaration_key IS NULL', called: 'cron job' },
    {
      table: 'secret_store_entries',
      key: "scope_kind || ' ' || scope_id || ' ' || name",
      where: 'deleted_at_ms IS NULL',
      called: 'secret',
    },
  ],
  agent: [{ table: 'session_windows', key: 'session_id', where: 'true', called: 'transcript' }],
}

/** One row each, however many there are. */
export const worthQuestions = (role: Role): Readonly<Record<string, string>> =>
  Object.fromEntries(
    worth[role].map(({ table, key, where }) => [
      table,
      `SELECT json_group_array(${key}) AS keys FROM ${table} WHERE ${where}`,
    ]),
  )

/** What `earlier` has of that and `now` has not, in words; `isAll` where `now` has nothing of it at all. */
export function missedIn(
  role: Role,
  now: Readonly<Record<string, Rows>>,
  earlier: Readonly<Record<string, Rows>>,
): { readonly words: string | null; readonly isAll: boolean } {
  let isAll = true
  const words = worth[role].flatMap(({ table, called }) => {
    const there = new Set(keysOf(now[table]))
    if (there.size > 0) isAll = false
    const missed = keysOf(earlier[table]).filter((key) => !there.has(key)).length
    return missed === 0 ? [] : [`${missed} ${called}${missed === 1 ? '' : 's'}`]
  })
  return { words: words.length === 0 ? null : words.join(', '), isAll }
}

function keysOf(rows: Rows | undefined): readonly unknown[] {
  const keys = rows?.[0]?.['keys']
  const parsed: unknown = typeof keys === 'string' ? JSON.parse(keys) : []
  return Array.isArray(parsed) ? parsed : []
}

const alsoJoined = [
  'user_profiles',
  'user_profile_emails',
  'user_profile_identities',
  'user_preferences',
  'mcp_oauth_stores',
  'plugin_state_entries',
  'plugin_blob_entries',
  'projects',
] as const

/**
 * How a database that was begun anew gets back what was in the one before. Of a control plane only what its users made:
 * leases, receipts and queues of before would be acted upon. What 2026.9.6 derives of a transcript
 * (dist/session-transcript-index-*.js) it makes again where there is none.
 */
export const joins: Readonly<
  Record<
    Role,
    {
      readonly only: readonly { readonly table: string; readonly where: string }[] | null
      readonly derived: readonly string[]
      readonly keys: { readonly column: string; readonly sql: string } | null
      readonly vital: readonly string[]
    }
  >
> = {
  state: {
    only: [...worth.state, ...alsoJoined.map((table) => ({ table, where: 'true' }))],
    derived: [],
    keys: null,
    vital: [],
  },
  agent: {
    only: null,
    derived: [
      'schema_meta',
      'session_key_contract',
      'session_canonical_validation_pending',
      'session_transcript_index_state',
      'session_transcript_active_events',
      'session_transcript_fts_rows',
      'memory_index_meta',
      'memory_index_state',
      'cache_entries',
    ],
    keys: {
      column: 'session_key',
      sql: "SELECT e.session_key AS was, 'agent:' || (SELECT agent_id FROM main.schema_meta WHERE meta_key = 'primary') || ':recovered:' || e.current_session_id AS becomes FROM earlier.session_nodes AS e JOIN main.session_nodes AS m ON m.session_key = e.session_key WHERE e.current_session_id NOT IN (SELECT session_id FROM main.session_windows)",
    },
    vital: ['session_nodes', 'session_windows', 'transcript_events'],
  },
}

export interface Meta {
  readonly role: string | null
  readonly agentId: string | null
  /** Of the OpenClaw that last wrote here. */
  readonly appVersion: string | null
  /** The build whose start-up migrations are done; null when none is. */
  readonly stampedBy: string | null
}

type Cell = null | number | bigint | string | Uint8Array
export type Rows = readonly Readonly<Record<string, Cell>>[]

/** Undefined when there is no primary row, which the gateway refuses ("schema role missing"). */
export function metaOf(rows: Rows | undefined): Meta | undefined {
  const primary = rows?.find((row) => row['meta_key'] === 'primary')
  if (primary === undefined) return undefined
  const stamp = rows?.find((row) => row['meta_key'] === 'startup-migrations')
  return {
    role: text(primary['role']),
    agentId: text(primary['agent_id']),
    appVersion: text(primary['app_version']),
    stampedBy: text(stamp?.['app_version'])?.split('\n')[0] ?? null,
  }
}

export const roleInside: Readonly<Record<Role, string>> = { state: 'global', agent: 'agent' }

/** Agents whose database the control plane has seen, with its path relative to the state directory. */
export const registered = (
  rows: Rows | undefined,
): readonly { readonly agentId: string; readonly path: string }[] =>
  (rows ?? []).flatMap((row) => {
    const [agentId, path] = [text(row['agent_id']), text(row['path'])]
    return agentId === null || path === null || path.startsWith('/') || path.split('/').includes('..')
      ? []
      : [{ agentId, path }]
  })

/**
 * Agents that were deleted on purpose. 2026.9.6 (dist/agents.commands.delete-*.js) notes that first, moves their folders
 * to the Trash, and takes them out of its register at last: cut off, or where a folder could not be moved, it stays
 * there. The note remains, and while it does the gateway opens no database of theirs.
 */
export const deletedAgents = (rows: Rows | undefined): ReadonlySet<string> =>
  new Set((rows ?? []).flatMap((row) => text(row['agent_id']) ?? []))

/** When `openclaw agents add` made an agent (ms since the epoch); nothing of those that were never added. */
export const createdAt = (rows: Rows | undefined, agentId: string): number =>
  number(rows?.find((row) => row['agent_id'] === agentId)?.['created_at_ms']) ?? 0

/** How many sessions an agent's database has, and when it was made; null where it does not say. */
export const lifeOf = (answers: Readonly<Record<string, Rows>>): Life => ({
  sessions: number(answers['sessions']?.[0]?.['n']),
  born: timeIn(answers['born']?.[0]?.['at']),
})

/** The times that a Date can bear. */
const mostMs = 8.64e15
const timeIn = (cell: Cell | undefined): number | null => {
  const ms = number(cell)
  return ms !== null && Math.abs(ms) <= mostMs ? ms : null
}

export interface Life {
  readonly sessions: number | null
  readonly born: number | null
}

const number = (cell: Cell | undefined): number | null =>
  typeof cell === 'number' || typeof cell === 'bigint' ? Number(cell) : null

const text = (cell: Cell | undefined): string | null => (typeof cell === 'string' ? cell : null)

/** The smallest content that the gateway of 2026.9.6 takes for each of `jsonColumns`. */
export const smallest: Readonly<Record<string, string>> = {
  session_nodes: "json_object('sessionId', current_session_id, 'updatedAt', updated_at)",
  transcript_events:
    "json_object('type', 'custom', 'customType', 'supervise.replaced', 'id', coalesce((SELECT event_id FROM transcript_event_identities i WHERE i.session_id = transcript_events.session_id AND i.seq = transcript_events.seq), 'replaced-' || seq), 'parentId', (SELECT parent_id FROM transcript_event_identities i WHERE i.session_id = transcript_events.session_id AND i.seq = transcript_events.seq), 'timestamp', strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch'), 'data', json_object())",
  trajectory_runtime_events: "json_object('type', 'supervise.replaced', 'runId', run_id, 'seq', seq)",
}

/** A session whose newest window is gone, while the session itself still names it. */
export const parents: Readonly<Record<Role, readonly string[]>> = {
  state: [],
  agent: [
    'INSERT OR IGNORE INTO session_windows (session_id, session_key, created_at, updated_at) SELECT current_session_id, session_key, updated_at, updated_at FROM session_nodes WHERE current_session_id NOT IN (SELECT session_id FROM session_windows)',
  ],
}

/** Of these something is always there, once there was a session. */
export const vital: Readonly<Record<Role, readonly string[]>> = {
  state: ['schema_meta'],
  agent: ['schema_meta', 'session_nodes', 'session_windows', 'transcript_events'],
}
