/**
 * SQLite, where this Node has it, asked in a way that the database does not notice.
 *
 * 1. A look never writes, never folds a log into its database, never leaves a file beside it: it is copied with its log
 *    into a folder of ours, and the copy asked. Where its log holds nothing and nothing is to be checked, or where no
 *    copy can be made, it is opened as immutable. (Not for a check where it can be helped: of a database that may not be
 *    written SQLite forgets the CHECK constraints.)
 * 2. A mended database is a new file; the one that was found is never opened for writing.
 * 3. Copies are bounded by size and by free space, and gone afterwards; what does not fit is `cannot-tell`.
 * 4. What a damaged database answers is an answer: nothing here throws but for bugs.
 *
 * Node has SQLite from 22.13 on without a flag. Without it every answer is `cannot-tell`, with the one line that says
 * which Node to use.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DiskError } from './disk.ts'
import { isPackedJson, whichNodeUnpacks } from './packed-json.ts'
import { headerBytes, headerOf } from './sqlite-file.ts'

export const whichNode = `databases are looked at from outside only: this Node (${process.versions.node}) has no SQLite; run supervise with Node 22.16 or later, or 24`

export type Value = null | number | bigint | string | Uint8Array
export type Row = Readonly<Record<string, Value>>

/** What is to be found out; all SQL is the caller's. */
export interface Questions {
  /** A quick check, or the full one with the foreign keys. */
  readonly depth: 'none' | 'quick' | 'full'
  /** What has to hold JSON: looked at when the depth is full. */
  readonly json: readonly JsonColumn[]
  /** By a name of the caller's. At most a thousand rows each. */
  readonly ask: Readonly<Record<string, string>>
}

/** A text column; or the same content compressed, in another one. */
export interface JsonColumn {
  readonly table: string
  readonly column: string
  readonly packed?: {
    readonly column: string
    /** How many bytes it comes to. */
    readonly bytes: string
    /** What else is of no use without it. */
    readonly beside: readonly string[]
  }
}

export interface Orphan {
  readonly table: string
  readonly rowid: number
  readonly parent: string
}
export interface BadJson {
  readonly table: string
  readonly column: string
  readonly rowid: number
}

export type Looked =
  | { readonly is: 'cannot-tell'; readonly why: string }
  /** Cannot be opened, or not be read at all. */
  | { readonly is: 'unreadable'; readonly why: string }
  | {
      readonly is: 'read'
      readonly userVersion: number
      /** What the check said; empty when sound. */
      readonly damage: readonly string[]
      readonly orphans: readonly Orphan[]
      readonly badJson: readonly BadJson[]
      /** Of what nothing can be said here, and why. */
      readonly unchecked: string | null
      /** A question that could not be answered (no such table) is left out. */
      readonly answers: Readonly<Record<string, readonly Row[]>>
    }

export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  function?(name: string, act: (...values: Value[]) => Value): void
  close(): void
}
export interface Statement {
  all(...values: Value[]): Row[]
  get(...values: Value[]): Row | undefined
  run(...values: Value[]): { readonly changes: number | bigint }
  iterate(...values: Value[]): Iterable<Row>
  setReadBigInts?(on: boolean): void
}
interface Sqlite {
  readonly backup?: (source: Database, to: string) => Promise<number>
  readonly DatabaseSync: new (
    path: string | URL,
    options: {
      readonly readOnly: boolean
      readonly enableForeignKeyConstraints?: boolean
      readonly defensive?: boolean
    },
  ) => Database
}

/** A copy beyond this is not made at a start. */
const mostBytes = 2 * 1024 * 1024 * 1024
/** What is left free beside a copy. */
const spareBytes = 64 * 1024 * 1024
const mostRows = 1000
/** Of a copy, beside a program that writes. */
const mostAttempts = 20

let sqlite: Sqlite | null | undefined

export const hasSqlite = (): boolean => (sqlite ??= load()) !== null

/** What an unfinished or a foreign write left is none; a program that opens an empty file begins a new one in it. */
export function beginsAsDatabase(path: string): boolean {
  if (!isFile(path)) return false
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(headerBytes)
    return headerOf(head.subarray(0, readSync(fd, head, 0, headerBytes, 0))).is === 'database'
  } finally {
    closeSync(fd)
  }
}

/** `workshop`: where copies may be made; the system's temporary folder when it is not there. */
export function lookInside(path: string, workshop: string, questions: Questions): Looked {
  if (!hasSqlite()) return { is: 'cannot-tell', why: whichNode }
  const hasNoLog = sizeOf(`${path}-wal`) === 0 && sizeOf(`${path}-journal`) === 0
  const inPlace = (): Looked => asked(() => opened(immutable(path), true), questions)
  if (hasNoLog && questions.depth === 'none') {
    const life = lifeOfLog(path)
    const seen = inPlace()
    const isStill = sizeOf(`${path}-wal`) === 0 && lifeOfLog(path) === life
    if (isStill && (seen.is !== 'unreadable' || !seen.why.startsWith('unable to open'))) return seen
  }
  const seen = withCopy(setOf(path), workshop, (copy) => asked(() => opened(copy, false), questions))
  return seen.is === 'cannot-tell' && hasNoLog ? inPlace() : seen
}

/** Runs `work` on a private copy of a database and its log; the room is gone afterwards. */
export function withCopy<T>(
  files: Files,
  workshop: string,
  work: (copy: string, room: string) => T,
): T | { readonly is: 'cannot-tell'; readonly why: string; readonly canPass?: boolean } {
  const room = roomFor(files, workshop)
  if ('why' in room) return { is: 'cannot-tell', ...room }
  try {
    return work(room.copy, room.dir)
  } finally {
    room.clear()
  }
}

type Files = readonly [string, ...string[]]

/** A log, or the journal of a write that was cut off, belongs to its database: without it the copy is another one. */
export const setOf = (path: string): Files => [path, `${path}-wal`, `${path}-journal`]

function roomFor(
  files: Files,
  workshop: string,
):
  | { readonly dir: string; readonly copy: string; clear(): void }
  | { readonly why: string; readonly canPass?: boolean } {
  const there = files.filter((file) => isFile(file))
  const bytes = there.reduce((sum, file) => sum + sizeOf(file), 0)
  if (bytes > mostBytes) return { why: `${bytes} bytes: too large for a private copy` }
  const parent = existsSync(workshop) ? workshop : tmpdir()
  const { bavail, bsize } = statfsSync(parent)
  if (bytes * 2 + spareBytes > bavail * bsize)
    return { why: `no room for a private copy of ${bytes} bytes`, canPass: true }
  const dir = mkdtempSync(join(parent, 'supervise-sqlite-'))
  const clear = (): void => rmSync(dir, { recursive: true, force: true })
  try {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const life = lifeOfLog(files[0])
      for (const file of files.filter(isFile))
        copyFileSync(file, join(dir, `copy${file.slice(files[0].length)}`), constants.COPYFILE_FICLONE)
      if (lifeOfLog(files[0]) === life) return { dir, copy: join(dir, 'copy'), clear }
    }
    clear()
    return { why: 'another program writes to it all the time' }
  } catch (error) {
    clear()
    return { why: said(error), canPass: mayPass(error) }
  }
}

/**
 * A log is copied after its database, and has whatever was folded into that meanwhile: unless it was begun anew in
 * between, which its index tells by other salts.
 */
function lifeOfLog(path: string): string {
  const index = `${path}-shm`
  if (!isFile(index)) return 'without'
  const fd = openSync(index, 'r')
  try {
    const salts = Buffer.alloc(8)
    readSync(fd, salts, 0, salts.length, 32)
    return salts.toString('hex')
  } finally {
    closeSync(fd)
  }
}

/**
 * By SQLite's own backup (Node 22.16 and later; before, by VACUUM INTO): whole, with what the log holds, checked after
 * writing, synced, and under its name only then. Null, or why there is none.
 */
export async function snapshotOf(path: string, workshop: string, to: string): Promise<string | null> {
  const room = roomFor(setOf(path), workshop)
  if ('why' in room) return room.why
  const whole = join(room.dir, 'whole')
  let database: Database | undefined
  try {
    database = opened(room.copy, false)
    if (sqlite?.backup === undefined) database.prepare('VACUUM INTO ?').run(whole)
    else await sqlite.backup(database, whole)
    close(database)
    const seen = asked(() => opened(whole, false), { depth: 'quick', json: [], ask: {} })
    const why = seen.is === 'read' ? seen.damage[0] : seen.why
    if (why !== undefined) return why
    chmodSync(whole, 0o600)
    syncFile(whole)
    renameSync(whole, to)
    syncFile(dirname(to))
    return null
  } catch (error) {
    return said(error)
  } finally {
    close(database)
    room.clear()
  }
}

/** For the duration of a piece of work; only to be called where this Node has SQLite. */
export function opened(path: string | URL, readOnly: boolean): Database {
  // Asked here as well: a thread has not been asked before.
  sqlite ??= load()
  if (sqlite === null) throw new Error(whichNode)
  const database = new sqlite.DatabaseSync(path, {
    readOnly,
    enableForeignKeyConstraints: false,
    defensive: false,
  })
  // The gateway's own schema may call functions that are not here; what is asked here needs none of them.
  database.exec('PRAGMA trusted_schema=OFF')
  return database
}

/** Durable under its name, and nothing of the work left beside it. */
export function syncFile(path: string): void {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function asked(open: () => Database, questions: Questions): Looked {
  let database: Database | undefined
  try {
    database = open()
    const version = database.prepare('PRAGMA user_version').get()?.['user_version']
    return { is: 'read', userVersion: Number(version ?? 0), ...answersOf(database, questions) }
  } catch (error) {
    return { is: 'unreadable', why: said(error) }
  } finally {
    close(database)
  }
}

function answersOf(database: Database, { depth, json, ask }: Questions) {
  const damage = depth === 'none' ? [] : checked(database, depth)
  const orphans: Orphan[] = []
  const badJson: BadJson[] = []
  let unchecked: string | null = null
  if (depth === 'full') {
    for (const row of rows(database, 'PRAGMA foreign_key_check') ?? [])
      orphans.push({
        table: String(row['table']),
        rowid: Number(row['rowid']),
        parent: String(row['parent']),
      })
    for (const one of json) {
      const { table, column, packed } = one
      for (const row of rows(
        database,
        `SELECT rowid AS n FROM ${quoted(table)} WHERE ${badJsonIn(database, one)}`,
      ) ?? [])
        badJson.push({ table, column: packed?.column ?? column, rowid: Number(row['n']) })
      if (packed === undefined || whichNodeUnpacks === null) continue
      const sql = `SELECT count(*) AS n FROM ${quoted(table)} WHERE ${quoted(packed.column)} IS NOT NULL`
      const there = Number(rows(database, sql)?.[0]?.['n'] ?? 0)
      if (there > 0) unchecked = `${inRows(there)} of ${table} are compressed, and ${whichNodeUnpacks}`
    }
  }
  const answers: Record<string, readonly Row[]> = {}
  for (const [name, sql] of Object.entries(ask)) {
    const answer = rows(database, sql)
    if (answer !== undefined) answers[name] = answer
  }
  return { damage, orphans, badJson, unchecked, answers }
}

/** What is true of the rows whose content does not parse. */
export function badJsonIn(database: Database, { column, packed }: JsonColumn): string {
  if (packed === undefined) return `${quoted(column)} IS NOT NULL AND NOT json_valid(${quoted(column)})`
  database.function?.('supervise_is_json', (bytes, length) => Number(isPackedJson(bytes, length)))
  return `${quoted(packed.column)} IS NOT NULL AND NOT supervise_is_json(${quoted(packed.column)}, ${quoted(packed.bytes)})`
}

function checked(database: Database, depth: 'quick' | 'full'): readonly string[] {
  try {
    const check = depth === 'quick' ? 'quick_check' : 'integrity_check'
    const lines = database
      .prepare(`PRAGMA ${check}(20)`)
      .all()
      .map((row) => String(Object.values(row)[0]))
    return lines.length === 1 && lines[0] === 'ok' ? [] : lines
  } catch (error) {
    return [said(error)]
  }
}

/** Undefined when it cannot be asked. */
function rows(database: Database, sql: string): Row[] | undefined {
  const found: Row[] = []
  try {
    for (const row of database.prepare(sql).iterate()) {
      found.push(row)
      if (found.length === mostRows) break
    }
    return found
  } catch {
    return undefined
  }
}

/** All of it, its whole numbers as they are. */
export function answer(database: Database, sql: string, ...values: Value[]): Row[] {
  const statement = database.prepare(sql)
  statement.setReadBigInts?.(true)
  return statement.all(...values)
}

export function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const inRows = (count: number): string => `${count} row${count === 1 ? '' : 's'}`

export const said = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200)

/** The disk is full or fails: told by its own code, or by SQLite's (https://sqlite.org/rescode.html: IOERR, FULL). */
export const mayPass = (error: unknown): boolean =>
  new DiskError('use', '', error).canPass ||
  [10, 13].includes(((error as { errcode?: number }).errcode ?? 0) & 255)

/** A database of garbage may refuse even this. */
export function close(database: Database | undefined): void {
  try {
    database?.close()
  } catch {
    return
  }
}

function immutable(path: string): URL {
  const url = pathToFileURL(path)
  url.search = '?immutable=1&mode=ro'
  return url
}

const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
const sizeOf = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Node calls it experimental on stderr, which is not ours to fill. */
function load(): Sqlite | null {
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = () => undefined
  try {
    return (process.getBuiltinModule('node:sqlite') as Sqlite | undefined) ?? null
  } finally {
    process.emitWarning = emitWarning
  }
}
