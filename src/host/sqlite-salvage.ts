/**
 * What a damaged database still yields, in a fresh one of the same schema: table by table, row by row; from the newest
 * snapshot where there is nothing to be read any more. The damaged one is a copy of ours.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { Account } from './sqlite-account.ts'
import { carry, routeOf, type Carried, type Route, type Sources } from './sqlite-carry.ts'
import { headerBytes, headerOf } from './sqlite-file.ts'
import { answer, attempt, close, inRows, opened, quoted, said, type Database } from './sqlite.ts'

export interface Salvage {
  readonly from: string
  /** Where nothing is yet. */
  readonly to: string
  readonly snapshot: string | null
  /** Tables of which something has to be there. */
  readonly vital: readonly string[]
}

interface Part {
  readonly type: string
  readonly name: string
  readonly sql: string
}

export function salvage({ from, to, snapshot, vital }: Salvage, account: Account, did: string[]): void {
  const isOpen = makeReadable(from, snapshot, did)
  const model = isOpen ? from : snapshot
  const parts = model === null ? undefined : within(model, partsOf)
  if (parts === undefined || parts.length === 0)
    throw new Error('its table of contents cannot be read, and there is no snapshot')
  const fresh = opened(to, false)
  try {
    fresh.exec((model === null ? undefined : within(model, settingsOf)) ?? '')
    if (isOpen) fresh.prepare('ATTACH ? AS damaged').run(from)
    if (snapshot !== null) fresh.prepare('ATTACH ? AS snapshot').run(snapshot)
    const sources = { hasDamaged: isOpen, hasSnapshot: snapshot !== null, mostRows: mostRowsIn(from) }
    // Not in one transaction: SQLite commits none in which damage was met. Whoever wants the file syncs it.
    fresh.exec('PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF')
    carryAll(fresh, parts, vital, sources, account, did)
  } finally {
    close(fresh)
  }
}

function carryAll(
  fresh: Database,
  parts: readonly Part[],
  vital: readonly string[],
  sources: Sources,
  account: Account,
  did: string[],
): void {
  const virtual = parts.filter(({ sql }) => /^CREATE VIRTUAL TABLE/i.test(sql))
  const isText = ({ sql }: Part): boolean => /USING\s+fts5/i.test(sql)
  const shadows = (name: string): boolean =>
    virtual.some((table) => isText(table) && name.startsWith(`${table.name}_`) && isShadow(table.name, name))
  const tables = parts.filter(
    (part) =>
      part.type === 'table' &&
      !virtual.includes(part) &&
      !shadows(part.name) &&
      !part.name.startsWith('sqlite_'),
  )
  for (const { sql } of tables) fresh.exec(sql)
  const others = parts.filter(({ type, name }) => type !== 'table' && !name.startsWith('sqlite_autoindex'))
  // Before the rows: of two that an index does not take side by side, the second is refused like any other.
  const isUnique = ({ sql }: Part): boolean => /^CREATE UNIQUE INDEX/i.test(sql)
  for (const { sql } of others.filter(isUnique)) fresh.exec(sql)
  let rows = 0
  for (const { name } of tables) {
    const carried = carry(fresh, routeOf(fresh, name), sources, account)
    rows += carried.rows
    if (isTroubled(carried) && carried.rows + carried.fromSnapshot === 0 && vital.includes(name))
      throw new Error(`nothing of ${name} can be read any more, and no snapshot has it`)
    tell(name, carried, sources, did)
  }
  if (tables.some(({ sql }) => /\bAUTOINCREMENT\b/i.test(sql))) carrySequences(fresh, sources)
  for (const table of virtual) {
    if (isText(table)) carryText(fresh, table, sources, account, did)
    else nameOnly(fresh, table)
  }
  for (const part of others) if (!isUnique(part)) fresh.exec(part.sql)
  did.unshift(`${inRows(rows)} of ${tables.length} tables carried over`)
}

const isTroubled = ({ refused, lost, isCounted }: Carried): boolean => refused + lost > 0 || !isCounted

function tell(name: string, carried: Carried, { hasSnapshot }: Sources, did: string[]): void {
  if (!isTroubled(carried)) return
  const { rows, refused, lost, isCounted, fromSnapshot, gone } = carried
  if (!isCounted && rows + refused + lost + fromSnapshot + gone === 0) return
  did.push(
    [
      `table ${name}: ${inRows(rows)} could still be read`,
      ...(refused > 0 ? [`${refused} refused by its own rules and kept`] : []),
      ...(isCounted
        ? lost > 0
          ? [`${lost} could not be read`]
          : []
        : ['how many could not be read cannot be told']),
      ...(hasSnapshot ? [`${fromSnapshot} came from the newest snapshot`] : []),
      ...(gone > 0 ? [`${gone} that it has were deleted since, and stay so`] : []),
    ].join(', '),
  )
}

const isShadow = (table: string, name: string): boolean =>
  ['data', 'idx', 'content', 'docsize', 'config'].includes(name.slice(table.length + 1))

/** How far numbers were given out, also those of rows that were deleted since. */
function carrySequences(fresh: Database, { hasDamaged, hasSnapshot }: Sources): void {
  for (const source of [...(hasDamaged ? ['damaged'] : []), ...(hasSnapshot ? ['snapshot'] : [])])
    for (const { name, seq } of attempt(() =>
      answer(fresh, `SELECT name, seq FROM ${source}.sqlite_sequence`),
    ) ?? []) {
      if (typeof name !== 'string' || typeof seq !== 'bigint') continue
      const { changes } = fresh
        .prepare('UPDATE main.sqlite_sequence SET seq = max(seq, ?) WHERE name = ?')
        .run(seq, name)
      if (Number(changes) === 0)
        fresh.prepare('INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, ?)').run(name, seq)
    }
}

/** A full-text index: its own content row by row, or built again from the table that it is about. */
function carryText(
  fresh: Database,
  { name, sql }: Part,
  sources: Sources,
  account: Account,
  did: string[],
): void {
  fresh.exec(sql)
  if (/[,(]\s*content\s*=/i.test(sql)) {
    try {
      fresh.exec(`INSERT INTO ${quoted(name)} (${quoted(name)}) VALUES ('rebuild')`)
    } catch (error) {
      did.push(
        `table ${name}: could not be built again (${said(error)}): what is found by its words is not, for now`,
      )
    }
    return
  }
  const columns = answer(fresh, `PRAGMA main.table_info(${quoted(name)})`).map((row) =>
    quoted(String(row['name'])),
  )
  const route: Route = {
    from: `${name}_content`,
    to: name,
    fromColumns: ['id', ...columns.map((_, n) => `c${n}`)],
    toColumns: ['rowid', ...columns],
    keys: ['id'],
    isNumbered: true,
  }
  tell(name, carry(fresh, route, sources, account), sources, did)
}

/** A virtual table of a module that is not here: its own tables were carried over like any other. */
function nameOnly(fresh: Database, { name, sql }: Part): void {
  fresh.exec('PRAGMA writable_schema=ON')
  fresh
    .prepare("INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('table', ?, ?, 0, ?)")
    .run(name, name, sql)
  fresh.exec('PRAGMA writable_schema=OFF')
}

/**
 * A database that was cut off counts more pages than it has, and one whose first page is gone has no table of contents:
 * the count is put right, then the header, then the whole page come from the snapshot, until it can be asked.
 */
function makeReadable(path: string, snapshot: string | null, did: string[]): boolean {
  if (isReadable(path)) return true
  const fd = openSync(path, 'r+')
  try {
    const own = piece(fd, 65_536)
    const good = snapshot === null ? undefined : headOf(snapshot)
    const known = headerOf(good ?? own)
    if (known.is !== 'database') return false
    const { pageBytes } = known
    const pages = toWholePages(fd, pageBytes)
    if (pages === 0) return false
    const heads = [
      { head: own.subarray(0, pageBytes), said: 'its count of pages was put right' },
      ...(good === undefined
        ? []
        : [
            Buffer.concat([good.subarray(0, headerBytes), own.subarray(headerBytes, pageBytes)]),
            good.subarray(0, pageBytes),
          ].map((head) => ({ head, said: 'its first page came from the newest snapshot' }))),
    ]
    for (const { head, said: what } of heads) {
      if (head.length < pageBytes) continue
      const page = Buffer.from(head)
      page.writeUInt32BE(pages, 28)
      page.copy(page, 92, 24, 28)
      writeSync(fd, page, 0, page.length, 0)
      if (!isReadable(path)) continue
      did.push(what)
      return true
    }
    return false
  } finally {
    closeSync(fd)
  }
}

/** What is left of a page that was cut off would pass for whole, its rows ending in zeros. How many pages there are then. */
export function toWholePages(fd: number, pageBytes: number): number {
  const { size } = fstatSync(fd)
  const pages = Math.floor(size / pageBytes)
  if (pages * pageBytes !== size) ftruncateSync(fd, pages * pageBytes)
  return pages
}

/** The first page of the largest kind, or what there is of it. */
function headOf(path: string): Buffer {
  const fd = openSync(path, 'r')
  try {
    return piece(fd, 65_536)
  } finally {
    closeSync(fd)
  }
}

function piece(fd: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, 0))
}

const isReadable = (path: string): boolean =>
  within(path, (database) => database.prepare('SELECT count(*) FROM sqlite_master').get()) !== undefined

/** Undefined where it cannot be done. */
function within<T>(path: string, act: (database: Database) => T): T | undefined {
  let database: Database | undefined
  try {
    database = opened(path, false)
    return act(database)
  } catch {
    return undefined
  } finally {
    close(database)
  }
}

const partsOf = (database: Database): Part[] =>
  database
    .prepare('SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid')
    .all()
    .map((row) => ({ type: String(row['type']), name: String(row['name']), sql: String(row['sql']) }))

/** What has to be said before the first table is made. */
function settingsOf(database: Database): string {
  const [row] = answer(
    database,
    'SELECT * FROM pragma_encoding, pragma_page_size, pragma_auto_vacuum, pragma_user_version, pragma_application_id',
  )
  const { encoding, page_size, auto_vacuum, user_version, application_id } = row ?? {}
  return Object.entries({ page_size, auto_vacuum, user_version, application_id })
    .map(([name, value]) => `PRAGMA ${name}=${Number(value ?? 0)};`)
    .join('')
    .concat(`PRAGMA encoding='${encoding === 'UTF-16le' || encoding === 'UTF-16be' ? encoding : 'UTF-8'}'`)
}

/** No row takes less than four bytes. */
function mostRowsIn(path: string): number {
  const fd = openSync(path, 'r')
  try {
    return fstatSync(fd).size / 4
  } finally {
    closeSync(fd)
  }
}
