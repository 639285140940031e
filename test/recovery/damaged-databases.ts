/**
 * Damaged databases on the disk that loses power: real ones, as small as they can be. SQLite works on them outside of
 * that disk, as it works on private copies outside of the state.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { lookInside, opened } from '../../src/host/sqlite.ts'
import { type Mended, mendCopy, reportOf } from '../../src/host/sqlite-mend.ts'
import type { Workshop } from '../../src/host/sqlite-workshop.ts'
import { defaultPolicy, type Site } from '../../src/recovery/site.ts'
import type { Content, CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE } from './bench.ts'

export const agent = `${STATE}/agents/main/agent/openclaw-agent.sqlite`
const snapshot = `${STATE}/supervise/snapshots/databases/agent-main/1700000000000.sqlite`

export function inRoom<T>(work: (room: string) => T): T {
  const room = mkdtempSync(join(tmpdir(), 'supervise-database-'))
  try {
    return work(room)
  } finally {
    rmSync(room, { recursive: true })
  }
}

const made = (...statements: string[]): Buffer =>
  inRoom((room) => {
    const database = opened(join(room, 'made'), false)
    for (const sql of statements) database.exec(sql)
    database.close()
    return readFileSync(join(room, 'made'))
  })

/** A database and its log, as a kill leaves them. */
const unfolded = (...statements: string[]): { database: Buffer; log: Buffer } =>
  inRoom((room) => {
    const database = opened(join(room, 'made'), false)
    for (const sql of statements) database.exec(sql)
    const both = { database: readFileSync(join(room, 'made')), log: readFileSync(join(room, 'made-wal')) }
    database.close()
    return both
  })

const born = (at: number): string[] => [
  'ALTER TABLE schema_meta ADD COLUMN created_at INTEGER',
  `UPDATE schema_meta SET created_at = ${at}`,
]
const stamped = "INSERT INTO schema_meta (meta_key, app_version) VALUES ('startup-migrations', '2026.9.6')"
const paired = [
  'CREATE TABLE device_pairing_paired (device_id TEXT PRIMARY KEY)',
  'CREATE TABLE channel_pairing_allow_entries (channel_key TEXT, account_id TEXT, entry TEXT)',
  'CREATE TABLE cron_jobs (name TEXT, declaration_key TEXT)',
  'CREATE TABLE secret_store_entries (scope_kind TEXT, scope_id TEXT, name TEXT, deleted_at_ms INTEGER)',
]
const device = "INSERT INTO device_pairing_paired VALUES ('phone')"
/** Enough for several pages. */
const words = Array.from(
  { length: 12 },
  (_, n) => `INSERT INTO transcript_events VALUES ('s', ${n + 1}, '{"n":"${'word '.repeat(30)}"}', 1)`,
)
/** Overwrites a page in which some of these words are. */
function broken(database: Buffer): Buffer {
  const bytes = Buffer.from(database)
  const page = Math.floor(bytes.lastIndexOf('word word') / 512)
  return bytes.fill(0xa5, page * 512, (page + 1) * 512)
}
/** A byte of its second commit is another one; what comes behind that is not read. */
function torn(log: Buffer): Buffer {
  const bytes = Buffer.from(log)
  const frame = 24 + 512
  const commits: number[] = []
  for (let at = 32; at + frame <= bytes.length; at += frame)
    if (bytes.readUInt32BE(at + 4) > 0) commits.push(at)
  bytes[commits.at(-2)! + 24 + 100]! ^= 1
  return bytes
}
const asked = (policy: Partial<Site['policy']>): Partial<Site> => ({
  policy: { ...defaultPolicy, ...policy },
})

const meta = (role: string, version: number): string[] => [
  'PRAGMA page_size=512',
  'CREATE TABLE schema_meta (meta_key TEXT PRIMARY KEY, role TEXT, schema_version INTEGER, agent_id TEXT, app_version TEXT)',
  `INSERT INTO schema_meta VALUES ('primary', '${role}', ${version}, ${role === 'agent' ? "'main'" : 'NULL'}, '2026.9.6')`,
  `PRAGMA user_version=${version}`,
]
const sessions = [
  'CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT, updated_at INTEGER)',
  'CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT, created_at INTEGER, updated_at INTEGER)',
  'CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER, PRIMARY KEY (session_id, seq), FOREIGN KEY (session_id) REFERENCES session_windows(session_id))',
  'CREATE TABLE transcript_event_identities (session_id TEXT, seq INTEGER, event_id TEXT, parent_id TEXT)',
  `INSERT INTO session_nodes VALUES ('agent:main:main', 's', '{}', 1)`,
  `INSERT INTO session_windows VALUES ('s', 'agent:main:main', 1, 1)`,
  `INSERT INTO transcript_events VALUES ('s', 0, '{"type":"session"}', 1)`,
]
const orphan = `INSERT INTO transcript_events VALUES ('nobody', 0, '{}', 1)`

/** Of the same bytes SQLite makes the same: asked once for all the outages in which they are met. */
const answered = new Map<string, unknown>()
function once<T>(files: Files, asked: unknown, answer: () => T): T {
  const hash = createHash('sha256').update(JSON.stringify(asked))
  for (const [name, bytes] of files) hash.update(`${name} ${bytes.length} `).update(bytes)
  const key = hash.digest('hex')
  if (!answered.has(key)) answered.set(key, answer())
  return answered.get(key) as T
}
type Files = readonly (readonly [name: string, bytes: Buffer])[]
type MadeHere = { readonly is: 'made'; readonly did: readonly string[]; report: Buffer; sound: Buffer }

/** SQLite on copies of what that disk holds; what it makes is written and synced there, as the workshop does. */
function databasesOn(disk: CrashDisk): Workshop {
  let n = 0
  const read = async (path: string | null | undefined, as: string): Promise<Files> => {
    const files: [string, Buffer][] = []
    for (const end of path == null ? [] : ['', '-wal']) {
      const stat = await disk.stat(path + end)
      if (stat !== undefined) files.push([as + end, await disk.read(path + end, 0, stat.bytes)])
    }
    return files
  }
  const keep = async (name: string, bytes: Buffer): Promise<string> => {
    const folder = `${STATE}/supervise/workshop`
    for (const dir of [`${STATE}/supervise`, folder]) await disk.mkdir(dir, 0o700)
    const path = `${folder}/${++n}-${name}`
    if ((await disk.stat(path)) !== undefined) await disk.remove(path)
    await disk.create(path, [bytes], 0o600)
    await disk.sync(path)
    for (const dir of [folder, `${STATE}/supervise`, STATE]) await disk.syncDir(dir)
    return path
  }
  const inRoomWith = <T>(files: Files, work: (at: (name: string) => string, room: string) => T): T =>
    inRoom((room) => {
      copiedOut(files, room)
      return work((name) => join(room, name), room)
    })
  return {
    look: async (path, questions) => {
      const files = await read(path, 'copy')
      return once(files, questions, () =>
        inRoomWith(files, (at, room) => lookInside(at('copy'), room, questions)),
      )
    },
    mend: async (path, { snapshot, join: joining, ...mending }) => {
      const files = [
        ...(await read(path, 'copy')),
        ...(await read(snapshot, 'snapshot')),
        ...(await read(joining?.from, 'earlier')),
      ]
      const mended = once(files, { ...mending, joining }, () =>
        inRoomWith(files, (at, room): Extract<Mended, { is: 'cannot' }> | MadeHere => {
          const done = mendCopy(at('copy'), room, at('sound'), {
            ...mending,
            snapshot: snapshot === null ? null : at('snapshot'),
            ...(joining && { join: { ...joining, from: at('earlier') } }),
          })
          if (done.is === 'cannot') return done
          expect(existsSync(at('sound-wal'))).toBe(false)
          return {
            is: 'made',
            did: done.did,
            report: readFileSync(reportOf(at('sound'))),
            sound: readFileSync(at('sound')),
          }
        }),
      )
      if (mended.is === 'cannot') return mended
      const report = await keep('report', mended.report)
      return { is: 'made', path: await keep('sound', mended.sound), report, did: mended.did }
    },
    snapshot: () => Promise.resolve('none are taken here'),
    sweep: () => undefined,
  }
}

export interface Row {
  readonly name: string
  readonly kind: string
  readonly files: () => Record<string, Content>
  /** What else there is to know, or is asked for. */
  readonly machine?: Partial<Site>
}

export const databaseSite = (disk: CrashDisk, { machine }: Pick<Row, 'machine'> = {}): Site =>
  siteOn(disk, { installed: null, databases: databasesOn(disk), ...machine })

const config = { [`${STATE}/openclaw.json`]: '{}' }
const control = (): Record<string, Content> => ({
  [`${STATE}/state/openclaw.sqlite`]: made(...meta('global', 18)),
})

export const rows: readonly Row[] = [
  {
    name: 'rows that point nowhere, some of it only in the log',
    kind: 'db-orphan-rows',
    files: () => {
      const { database, log } = unfolded(
        ...meta('agent', 23),
        'PRAGMA journal_mode=WAL',
        ...sessions,
        'PRAGMA wal_checkpoint(PASSIVE)',
        orphan,
      )
      return { ...config, ...control(), [agent]: database, [`${agent}-wal`]: log }
    },
  },
  {
    name: 'rows that point nowhere, and words that only the log has',
    kind: 'db-orphan-rows',
    files: () => {
      const { database, log } = unfolded(
        ...meta('agent', 23),
        'PRAGMA journal_mode=WAL',
        ...sessions,
        orphan,
        'PRAGMA wal_checkpoint(PASSIVE)',
        `INSERT INTO transcript_events VALUES ('s', 1, '{"type":"message"}', 2)`,
      )
      return { ...config, ...control(), [agent]: database, [`${agent}-wal`]: log }
    },
  },
  {
    name: 'a database of no length, and its log, with a snapshot',
    kind: 'db-empty-or-missing',
    files: () => {
      const { log } = unfolded(...meta('agent', 23), 'PRAGMA journal_mode=WAL', ...sessions)
      return {
        ...config,
        ...control(),
        [agent]: '',
        [`${agent}-wal`]: log,
        [snapshot]: made(...meta('agent', 23), ...sessions),
      }
    },
  },
  {
    name: 'all of them gone with their folders, and snapshots',
    kind: 'db-empty-or-missing',
    files: () => ({
      ...config,
      [snapshot]: made(...meta('agent', 23), ...sessions),
      [`${STATE}/supervise/snapshots/databases/state/1700000000000.sqlite`]: made(...meta('global', 18)),
    }),
  },
  {
    name: 'rows whose content does not parse',
    kind: 'row-bad-json',
    files: () => ({
      ...config,
      ...control(),
      [agent]: made(
        ...meta('agent', 23),
        ...sessions,
        `UPDATE transcript_events SET event_json = '{"type":'`,
      ),
    }),
  },
  {
    name: 'a page that cannot be read',
    kind: 'db-corrupt',
    files: () => ({
      ...config,
      ...control(),
      [agent]: broken(made(...meta('agent', 23), ...sessions, ...words)),
    }),
  },
  {
    name: 'a page that cannot be read, and a snapshot',
    kind: 'db-corrupt',
    files: () => {
      const sound = made(...meta('agent', 23), ...sessions, ...words)
      return { ...config, ...control(), [agent]: broken(sound), [snapshot]: sound }
    },
  },
  {
    name: 'one that was begun anew and went on, what was before put beside it when asked for',
    kind: 'db-begun-anew',
    machine: asked({ adopt: true }),
    files: () => ({
      ...config,
      ...control(),
      [agent]: made(
        ...meta('agent', 23),
        ...sessions.map((sql) => sql.replaceAll("'s'", "'new'")),
        ...born(1_700_000_001_000),
      ),
      [snapshot]: made(...meta('agent', 23), ...sessions, ...born(1_600_000_000_000)),
    }),
  },
  {
    name: 'one that was begun anew, without a session yet',
    kind: 'db-empty-or-missing',
    files: () => ({
      ...config,
      ...control(),
      [agent]: made(
        ...meta('agent', 23),
        ...sessions.filter((sql) => sql.startsWith('CREATE')),
        ...born(1_700_000_001_000),
      ),
      [snapshot]: made(...meta('agent', 23), ...sessions, ...born(1_600_000_000_000)),
    }),
  },
  {
    name: 'a control plane that was begun anew, with nothing in it that its users made',
    kind: 'db-empty-or-missing',
    files: () => ({
      ...config,
      [`${STATE}/state/openclaw.sqlite`]: made(...meta('global', 18), ...paired, ...born(1_700_000_001_000)),
      [`${STATE}/supervise/snapshots/databases/state/1700000000000.sqlite`]: made(
        ...meta('global', 18),
        ...paired,
        device,
        ...born(1_600_000_000_000),
      ),
    }),
  },
  {
    name: 'a log that is none, with its index',
    kind: 'wal-gone-or-torn',
    files: () => ({
      ...config,
      ...control(),
      [agent]: made(...meta('agent', 23), ...sessions),
      [`${agent}-wal`]: 'no log',
      [`${agent}-shm`]: 'no index',
    }),
  },
  {
    name: 'a log that is torn, and commits behind that',
    kind: 'wal-gone-or-torn',
    files: () => {
      const { database, log } = unfolded(
        ...meta('agent', 23),
        'PRAGMA journal_mode=WAL',
        ...sessions,
        `INSERT INTO transcript_events VALUES ('s', 1, '{"n":1}', 2)`,
        `INSERT INTO transcript_events VALUES ('s', 2, '{"n":2}', 3)`,
      )
      return { ...config, ...control(), [agent]: database, [`${agent}-wal`]: torn(log) }
    },
  },
  {
    name: 'a derived database that is none',
    kind: 'quarantine-db-garbage',
    files: () => ({ ...config, ...control(), [`${STATE}/state/openclaw-quarantine.sqlite`]: 'none' }),
  },
  {
    name: 'an empty index beside a store that was stamped',
    kind: 'legacy-index-reappeared',
    files: () => ({
      ...config,
      [`${STATE}/state/openclaw.sqlite`]: made(...meta('global', 18), stamped),
      [agent]: made(...meta('agent', 23), ...sessions, stamped),
      [`${STATE}/agents/main/sessions/sessions.json`]: '',
    }),
  },
  {
    name: 'a torn lock of the gateway',
    kind: 'gateway-lock-garbage',
    files: () => ({
      ...config,
      ...control(),
      [`${STATE}/tmp/openclaw-0/gateway.12345678.lock`]: '{"pid":',
    }),
  },
  {
    name: 'a loss that is accepted, and the log that it left',
    kind: 'db-empty-or-missing',
    machine: asked({ acceptLoss: true }),
    files: () => {
      const { log } = unfolded(...meta('agent', 23), 'PRAGMA journal_mode=WAL', ...sessions)
      return { ...config, ...control(), [`${agent}-wal`]: log }
    },
  },
]

export const databaseOn = (disk: CrashDisk): Files => {
  const tree = disk.tree()
  return ['', '-wal'].flatMap((end): [string, Buffer][] => {
    const file = tree.get(agent + end)
    return file === undefined ? [] : [[`copy${end}`, file.bytes]]
  })
}

/** The database and its log, as files of their own. */
export function copiedOut(files: Files, room: string): string {
  for (const [name, bytes] of files) writeFileSync(join(room, name), bytes)
  return join(room, 'copy')
}

const content = {
  nodes: 'SELECT * FROM session_nodes ORDER BY session_key',
  windows: 'SELECT * FROM session_windows ORDER BY session_id',
  events: 'SELECT * FROM transcript_events ORDER BY session_id, seq',
}

/** What a gateway would find. */
export const contentOn = (disk: CrashDisk): unknown => {
  const files = databaseOn(disk)
  return once(files, content, () =>
    inRoom((room) => lookInside(copiedOut(files, room), room, { depth: 'full', json: [], ask: content })),
  )
}
