/**
 * What a gateway of 2026.8 and later wrote of its own end, asked of a database with its tables (2026.9.6): the row that
 * counts is of this life and of the process that was the gateway.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { hasSqlite, opened } from '../../src/host/sqlite.ts'
import { controlPlane } from '../../src/openclaw/databases.ts'
import { lastWordsFrom } from '../../src/supervisor/last-words.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const began = 1_000_000
const now = began + 90_000
const life = { pids: [100, 200], sinceMs: began }

interface Written {
  readonly handoff?: { readonly pid: number; readonly at: number; readonly expires: number }
  readonly boots?: readonly (readonly [
    pid: number,
    startedAt: number,
    completedAt: number | null,
    outcome: string | null,
    startupReason?: string,
  ])[]
}

function stateWith({ handoff, boots = [] }: Written): string {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-words-'))
  folders.push(folder)
  const path = join(folder, controlPlane)
  mkdirSync(dirname(path))
  const database = opened(path, false)
  database.exec(
    'CREATE TABLE gateway_restart_handoff (handoff_key TEXT PRIMARY KEY, pid INTEGER, created_at INTEGER, expires_at INTEGER, reason TEXT)',
  )
  database.exec(
    'CREATE TABLE gateway_boot_lifecycle (boot_id TEXT PRIMARY KEY, pid INTEGER, started_at_ms INTEGER, completed_at_ms INTEGER, outcome TEXT, startup_reason TEXT, reason TEXT)',
  )
  if (handoff !== undefined)
    database
      .prepare("INSERT INTO gateway_restart_handoff VALUES ('current', ?, ?, ?, 'config reload')")
      .run(handoff.pid, handoff.at, handoff.expires)
  for (const [n, [pid, startedAt, completedAt, outcome, startupReason]] of boots.entries())
    database
      .prepare('INSERT INTO gateway_boot_lifecycle VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(`boot ${n}`, pid, startedAt, completedAt, outcome, startupReason ?? null, 'in its own words')
  database.close()
  return folder
}

const fresh = { pid: 100, at: now - 1000, expires: now + 59_000 }
const life1 = (outcome: string | null, pid = 100) => [[pid, began + 500, now - 500, outcome]] as const

test.runIf(hasSqlite()).each([
  ['a hand-off', { handoff: fresh, boots: life1('clean_stop') }, 'restart', 'config reload'],
  [
    'a hand-off of the gateway below a wrapper',
    { handoff: { ...fresh, pid: 200 } },
    'restart',
    'config reload',
  ],
  [
    'a hand-off that expired before it was read',
    { handoff: { ...fresh, at: now - 70_000, expires: now - 10_000 } },
    'restart',
    'config reload (its hand-off had expired 10 s before)',
  ],
  [
    'no hand-off, and a restart all the same',
    { boots: life1('planned_restart', 200) },
    'restart',
    'in its own words (it left no hand-off)',
  ],
  [
    'a hand-off of another process',
    { handoff: { ...fresh, pid: 300 }, boots: life1('planned_restart') },
    'restart',
    'in its own words (its hand-off names pid 300, which is another process)',
  ],
  ['a stop', { boots: life1('clean_stop') }, 'stop', 'in its own words'],
  [
    'a stop, and a hand-off of an earlier life with the same pid that nobody consumed',
    { handoff: { pid: 100, at: began - 60_000, expires: began }, boots: life1('clean_stop') },
    'stop',
    'in its own words',
  ],
  [
    'the words of an earlier life with the same pid',
    { boots: [[100, began - 9, began - 1, 'clean_stop']] },
    'nothing',
    null,
  ],
  ['a life that was cut off', { boots: life1(null) }, 'nothing', null],
] as const)('%s', async (_, written: Written, is, why) => {
  const { words } = await lastWordsFrom(stateWith(written), life, now)
  const { handoff } = written
  const isGood = handoff !== undefined && handoff.at >= began && handoff.expires > now && handoff.pid !== 300
  expect(words).toEqual({
    is,
    why,
    ...(is === 'restart' && { handOff: isGood ? { pid: handoff.pid, untilMs: handoff.expires } : null }),
  })
})

test.runIf(hasSqlite()).each([
  [
    'two unclean lives',
    [
      [1, now - 200_000, null, null],
      [2, now - 10_000, null, null],
    ],
    0,
  ],
  [
    'three within five minutes: until the first of them is older',
    [
      [1, now - 200_000, null, null],
      [2, now - 100_000, null, null],
      [3, now - 10_000, null, null],
    ],
    100_001,
  ],
  [
    'three, the first of them long ago',
    [
      [1, now - 300_001, null, null],
      [2, now - 100_000, null, null],
      [3, now - 10_000, null, null],
    ],
    0,
  ],
  [
    'four: the newest three count',
    [
      [1, now - 290_000, null, null],
      [2, now - 200_000, null, null],
      [3, now - 100_000, null, null],
      [4, now - 10_000, null, null],
    ],
    100_001,
  ],
  [
    'a start that failed counts by its end; a refusal and a stop do not count',
    [
      [1, now - 400_000, now - 100_000, 'startup_failed'],
      [2, now - 90_000, now - 80_000, 'startup_failed', 'gateway.maintenance_required'],
      [3, now - 70_000, now - 60_000, 'clean_stop'],
      [4, now - 50_000, null, null],
    ],
    0,
  ],
  [
    'a clock that was set back',
    [
      [1, now + 900_000, null, null],
      [2, now + 900_001, null, null],
      [3, now + 900_002, null, null],
    ],
    300_000,
  ],
] as const)('the next start waits: %s', async (_, boots: Written['boots'], quietMs) => {
  expect((await lastWordsFrom(stateWith({ boots: boots! }), life, now)).quietMs).toBe(quietMs)
})

test('the era of files has none, and a database with other tables says nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-words-'))
  folders.push(folder)
  const silence = { words: { is: 'nothing', why: null }, isAllRead: true, quietMs: 0 }
  expect(await lastWordsFrom(folder, life, now)).toEqual(silence)
  mkdirSync(join(folder, 'state'))
  for (const damaged of ['', 'no database']) {
    writeFileSync(join(folder, controlPlane), damaged)
    expect(await lastWordsFrom(folder, life, now)).toEqual(silence)
  }
  rmSync(join(folder, controlPlane))
  if (!hasSqlite()) return
  const database = opened(join(folder, controlPlane), false)
  database.exec('CREATE TABLE other (x)')
  database.close()
  expect(await lastWordsFrom(folder, life, now)).toEqual(silence)
})
