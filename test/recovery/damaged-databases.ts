/**
 * Damaged databases on the disk that loses power: real ones, as small as they can be. SQLite works on them outside of
 * that disk, as it works on private copies outside of the state.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { lookInside, opened } from '../../src/host/sqlite.ts'
import { mendCopy, reportOf } from '../../src/host/sqlite-mend.ts'
import type { Workshop } from '../../src/host/sqlite-workshop.ts'
import type { Content, CrashDisk } from '../doubles/crash-disk.ts'
import { STATE } from './bench.ts'

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
  `INSERT INTO session_nodes VALUES ('agent:main:main', 's', '{}', 1)`,
  `INSERT INTO session_windows VALUES ('s', 'agent:main:main', 1, 1)`,
  `INSERT INTO transcript_events VALUES ('s', 0, '{"type":"session"}', 1)`,
]
const orphan = `INSERT INTO transcript_events VALUES ('nobody', 0, '{}', 1)`

/** SQLite on copies of what that disk holds; what it makes is written and synced there, as the workshop does. */
export function databasesOn(disk: CrashDisk): Workshop {
  let n = 0
  const out = async (path: string, to: string): Promise<void> => {
    for (const end of ['', '-wal']) {
      const stat = await disk.stat(path + end)
      if (stat !== undefined) writeFileSync(to + end, await disk.read(path + end, 0, stat.bytes))
    }
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
  const withRoom = async <T>(work: (room: string) => Promise<T>): Promise<T> => {
    const room = mkdtempSync(join(tmpdir(), 'supervise-database-'))
    try {
      return await work(room)
    } finally {
      rmSync(room, { recursive: true })
    }
  }
  return {
    look: (path, questions) =>
      withRoom(async (room) => {
        await out(path, join(room, 'copy'))
        return lookInside(join(room, 'copy'), room, questions)
      }),
    mend: (path, mending) =>
      withRoom(async (room) => {
        await out(path, join(room, 'copy'))
        if (mending.snapshot !== null) await out(mending.snapshot, join(room, 'snapshot'))
        const older = mending.snapshot === null ? null : join(room, 'snapshot')
        const mended = mendCopy(join(room, 'copy'), room, join(room, 'sound'), {
          ...mending,
          snapshot: older,
        })
        if (mended.is === 'cannot') return mended
        expect(existsSync(join(room, 'sound-wal'))).toBe(false)
        const report = await keep('report', readFileSync(reportOf(join(room, 'sound'))))
        const sound = await keep('sound', readFileSync(join(room, 'sound')))
        return { is: 'made', path: sound, report, did: mended.did }
      }),
    snapshot: () => Promise.resolve('none are taken here'),
    sweep: () => undefined,
  }
}

export interface Row {
  readonly name: string
  readonly kind: string
  readonly files: () => Record<string, Content>
}

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
]
