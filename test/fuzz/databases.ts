/**
 * States of the SQLite store, changed at random below SQLite and through it, and judged by the questions of oracle.ts.
 * Beside them: a row of a session, a window or a transcript that could be read before can be read afterwards, or stands
 * in an account.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { realDisk } from '../../src/host/real-disk.ts'
import { opened, type Database } from '../../src/host/sqlite.ts'
import { workshopIn } from '../../src/host/sqlite-workshop.ts'
import { siteOn } from '../recovery/bench.ts'
import { unpack } from '../fixtures/unpack.ts'
import { judge, type Place } from './oracle.ts'
import { sightsOf } from './places.ts'
import { random } from './random.ts'

const control = 'state/openclaw.sqlite'
const agent = 'agents/main/agent/openclaw-agent.sqlite'
const files = [agent, `${agent}-wal`, `${agent}-shm`, control, `${control}-wal`, `${control}-shm`] as const
const pageBytes = 4096
/** Where a sync costs nothing. */
const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const installed = { version: '2026.9.6', schemaVersions: { state: 18, agent: 23 } }
const tables = ['session_nodes', 'session_windows', 'transcript_events'] as const

type Numbers = readonly number[]
const at = <T>(list: readonly T[], by: number): T =>
  list[Math.min(list.length - 1, Math.floor(by * list.length))]!

/** Mostly the database that the sessions are in. */
const fileBy = (by: number): string => (by < 0.5 ? agent : at(files, by * 2 - 1))

/** Each takes five numbers from 0 to 1; what they pick is decided by what is there. */
const operations = {
  bytes: (dir: string, by: Numbers) =>
    content(dir, by, (bytes) => {
      const from = Math.floor(by[1]! * bytes.length)
      const to = Math.min(bytes.length, from + Math.ceil(2 ** (by[3]! * 9)))
      bytes.fill(at([0, 0xff, 0x41, 1], by[2]!), from, to)
      return bytes
    }),
  page: (dir: string, by: Numbers) =>
    content(dir, by, (bytes) => {
      const from = Math.floor((by[1]! * bytes.length) / pageBytes) * pageBytes
      if (by[2]! < 0.3)
        bytes.copy(
          bytes,
          from,
          Math.floor(by[3]! * (bytes.length / pageBytes)) * pageBytes,
          Math.floor(by[3]! * (bytes.length / pageBytes) + 1) * pageBytes,
        )
      else bytes.fill(by[2]! < 0.6 ? 0 : 0xff, from, Math.min(bytes.length, from + pageBytes))
      return bytes
    }),
  cut: (dir: string, by: Numbers) =>
    content(dir, by, (bytes) => {
      const to = Math.floor(by[1]! * bytes.length)
      return bytes.subarray(0, by[2]! < 0.5 ? to : Math.floor(to / pageBytes) * pageBytes)
    }),
  grow: (dir: string, by: Numbers) =>
    content(dir, by, (bytes) =>
      Buffer.concat([bytes, Buffer.alloc(Math.ceil(by[1]! * 9000), at([0, 0x55], by[2]!))]),
    ),
  remove: (dir: string, by: Numbers) => rmSync(join(dir, at(files, by[0]!)), { force: true }),
  swap: (dir: string, by: Numbers) => {
    const [from, to] = [at(files, by[0]!), at(files, by[1]!)].map((name) => join(dir, name))
    if (existsSync(from!)) copyFileSync(from!, to!)
  },
  rows: (dir: string, by: Numbers) =>
    through(dir, agent, (database) => {
      const table = at(tables, by[0]!)
      const columns = database
        .prepare(`PRAGMA table_info(${table})`)
        .all()
        .map((row) => String(row['name']))
      const value = at(['NULL', "'{'", '-1', "x'00'", "'nobody'"], by[2]!)
      database.exec(
        `UPDATE ${table} SET "${at(columns, by[1]!)}" = ${value} WHERE rowid % 7 = ${Math.floor(by[3]! * 7)}`,
      )
    }),
  gone: (dir: string, by: Numbers) =>
    through(dir, agent, (database) => {
      database.exec(`DELETE FROM ${at(tables, by[0]!)} WHERE rowid % 5 = ${Math.floor(by[1]! * 5)}`)
    }),
} as const

function content(dir: string, by: Numbers, change: (bytes: Buffer) => Buffer): void {
  const path = join(dir, fileBy(by[0]!))
  if (existsSync(path)) writeFileSync(path, change(readFileSync(path)))
}

/** As a defect of a program writes: what the schema forbids, too. What is damaged already may refuse. */
function through(dir: string, name: string, act: (database: Database) => void): void {
  let database: Database | undefined
  try {
    database = opened(join(dir, name), false)
    database.exec('PRAGMA ignore_check_constraints=ON')
    act(database)
  } catch {
    return
  } finally {
    close(database)
  }
}

function close(database: Database | undefined): void {
  try {
    database?.close()
  } catch {
    return
  }
}

interface Case {
  readonly base: '2026.9.6-sound' | '2026.9.6-killed-mid-run'
  readonly hasSnapshot: boolean
  readonly again: 'no' | 'another-boot'
  readonly changes: readonly { readonly do: keyof typeof operations; readonly by: Numbers }[]
}

function caseOf(seed: number): Case {
  const next = random(seed)
  const names = Object.keys(operations) as (keyof typeof operations)[]
  return {
    base: next() < 0.5 ? '2026.9.6-sound' : '2026.9.6-killed-mid-run',
    hasSnapshot: next() < 0.4,
    again: next() < 0.5 ? 'no' : 'another-boot',
    changes: Array.from({ length: 1 + Math.floor(next() ** 2 * 5) }, () => ({
      do: at(names, next()),
      by: Array.from({ length: 5 }, next),
    })),
  }
}

/** Unpacked once, with their snapshots beside them, and copied for each case. */
const bases = new Map<Case['base'], ReturnType<typeof unpack> & { readonly snapshots: string }>()
function baseOf(name: Case['base']): { readonly stateDir: string; readonly snapshots: string } {
  const known = bases.get(name)
  if (known !== undefined) return known
  const base = unpack(name)
  const snapshots = join(dirname(base.stateDir), 'snapshots')
  const copy = join(dirname(base.stateDir), 'copy')
  cpSync(base.stateDir, copy, { recursive: true, preserveTimestamps: true })
  for (const [file, folder] of [
    [control, 'state'],
    [agent, 'agent-main'],
  ] as const) {
    mkdirSync(join(snapshots, folder), { recursive: true })
    const to = join(snapshots, folder, '1795358000000.sqlite')
    through(copy, file, (database) => database.prepare('VACUUM INTO ?').run(to))
  }
  const made = { ...base, snapshots }
  bases.set(name, made)
  return made
}

async function run({ base, hasSnapshot, again, changes }: Case) {
  const room = realpathSync(mkdtempSync(join(inMemory, 'supervise-fuzz-')))
  const dir = join(room, 'state')
  try {
    const { stateDir, snapshots } = baseOf(base)
    cpSync(stateDir, dir, { recursive: true, preserveTimestamps: true })
    if (hasSnapshot) cpSync(snapshots, join(dir, 'supervise/snapshots/databases'), { recursive: true })
    for (const change of changes) operations[change.do](dir, change.by)
    return await judge(placeOf(dir), again)
  } finally {
    rmSync(room, { recursive: true, force: true })
  }
}

function placeOf(dir: string): Place {
  const databases = workshopIn(join(dir, 'supervise/workshop'))
  return {
    site: {
      ...siteOn(realDisk(), { installed, ...(databases && { databases }) }),
      stateDir: dir,
      configPath: `${dir}/openclaw.json`,
      now: () => Date.now(),
    },
    sights: () => sightsOf(dir),
    reader: () => () => undefined,
    witness: () => {
      const before = readable(dir)
      return () => {
        const now = readable(dir)
        let accounts: Set<string> | undefined
        for (const [row, text] of before)
          if (now.get(row) !== text && !(accounts ??= accountsIn(dir)).has(row))
            return `${row} could be read before: ${text.slice(0, 200)}, not ${now.get(row)?.slice(0, 200)}`
        return undefined
      }
    },
  }
}

const keys: Readonly<Record<(typeof tables)[number], readonly string[]>> = {
  session_nodes: ['session_key'],
  session_windows: ['session_id'],
  transcript_events: ['session_id', 'seq'],
}
const nameOf = (table: (typeof tables)[number], row: Readonly<Record<string, unknown>>): string =>
  `${table} ${keys[table].map((key) => JSON.stringify(row[key])).join(' ')}`

/** By table and key, from both ends where one is not enough: what a gateway could read, of a copy. */
function readable(dir: string): Map<string, string> {
  const rows = new Map<string, string>()
  const room = mkdtempSync(join(inMemory, 'supervise-fuzz-rows-'))
  let database: Database | undefined
  try {
    for (const end of ['', '-wal'])
      if (existsSync(join(dir, agent + end)) && statSync(join(dir, agent + end)).isFile())
        copyFileSync(join(dir, agent + end), join(room, `copy${end}`))
    if (!existsSync(join(room, 'copy'))) return rows
    // Of a page that was cut off SQLite would make up the rest.
    truncateSync(join(room, 'copy'), Math.floor(statSync(join(room, 'copy')).size / pageBytes) * pageBytes)
    database = opened(join(room, 'copy'), false)
    for (const table of tables)
      for (const direction of ['ASC', 'DESC'])
        try {
          for (const row of database
            .prepare(`SELECT * FROM ${table} NOT INDEXED ORDER BY rowid ${direction}`)
            .iterate())
            rows.set(nameOf(table, row), JSON.stringify(row))
          break
        } catch {
          continue
        }
    return rows
  } catch {
    return rows
  } finally {
    close(database)
    rmSync(room, { recursive: true, force: true })
  }
}

function accountsIn(dir: string): Set<string> {
  const folder = join(dir, 'supervise/accounts')
  const named = new Set<string>()
  if (!existsSync(folder)) return named
  for (const file of readdirSync(folder))
    for (const line of readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')) {
      const { table, row } = JSON.parse(line) as { table?: string; row?: Record<string, unknown> }
      const known = tables.find((one) => one === table)
      if (known !== undefined && row !== undefined) named.add(nameOf(known, row))
    }
  return named
}

export async function campaign(from: number, cases: number) {
  const verdicts: Record<string, number> = {}
  const kinds: Record<string, number> = {}
  const failures: string[] = []
  for (let seed = from; seed < from + cases && failures.length < 5; seed++) {
    const one = caseOf(seed)
    const { failed, is, found } = await run(one)
    verdicts[is] = (verdicts[is] ?? 0) + 1
    for (const { kind } of found) kinds[kind] = (kinds[kind] ?? 0) + 1
    if (failed === undefined) continue
    const least = await shrunk(one, failed)
    const again = await run(least)
    failures.push(
      [
        `seed ${seed}, on ${least.base}${least.hasSnapshot ? ' with snapshots' : ''}, then ${least.again}:`,
        ...least.changes.map(
          (each) => `  ${each.do} ${JSON.stringify(each.by.map((by) => Number(by.toFixed(4))))}`,
        ),
        `  ${again.failed ?? failed}`,
      ].join('\n'),
    )
  }
  for (const base of bases.values()) base.remove()
  bases.clear()
  return { verdicts, kinds, failures }
}

/** Without the changes that it fails without, in the same way. */
async function shrunk(one: Case, failed: string): Promise<Case> {
  let least = one
  for (let n = 0; n < least.changes.length;) {
    const shorter = { ...least, changes: least.changes.toSpliced(n, 1) }
    if ((await run(shorter)).failed?.startsWith(failed.slice(0, 3)) === true) least = shorter
    else n++
  }
  return least
}
