/**
 * A sound database made from a damaged one, as a new file; the damaged one is never opened for writing.
 *
 * In this order, each only as far as it is needed: indexes are rebuilt; or every row that can still be read goes, table
 * by table and by key, into a fresh database of the same schema, and for tables that could not be read to their end
 * what is missing comes from the newest snapshot. Then text that has to be JSON and is not gets the smallest valid
 * replacement, parents that can be rebuilt are, and rows that still point nowhere go. What is taken out of a row or
 * with it is told, whole.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { headerBytes, headerOf } from './sqlite-file.ts'
import {
  close,
  opened,
  quoted,
  said,
  setOf,
  syncFile,
  withCopy,
  type Database,
  type Row,
  type Value,
} from './sqlite.ts'

export interface Mending {
  /** A sound, older copy of the same database. */
  readonly snapshot: string | null
  /** Text columns that have to hold JSON, with an SQL expression over the row that gives the smallest valid one. */
  readonly json: readonly { readonly table: string; readonly column: string; readonly instead: string }[]
  /** Tables of which something has to be there: an empty one would pass for a new beginning. */
  readonly vital: readonly string[]
  /** Statements that put back parents of rows that point nowhere. */
  readonly parents: readonly string[]
}

export type Mended =
  | {
      readonly is: 'mended'
      /** For a person, in a line each. */
      readonly did: readonly string[]
      /** Rows that were removed or replaced, as they were. */
      readonly taken: readonly Taken[]
    }
  | { readonly is: 'cannot'; readonly why: string }

export interface Taken {
  readonly table: string
  readonly why: string
  readonly row: Readonly<Record<string, unknown>>
}

/** `to` is written and synced, or not there. */
export function mendCopy(path: string, workshop: string, to: string, mending: Mending): Mended {
  const outcome = withCopy(setOf(path), workshop, (copy, room): Mended => {
    const did: string[] = []
    const taken: Taken[] = []
    try {
      const whole = soundest(copy, `${room}/fresh`, mending, did)
      const database = opened(whole, false)
      try {
        replaceBadJson(database, mending, taken)
        removeOrphans(database, mending, taken, did)
        const left = problems(database)
        if (left.length > 0) return { is: 'cannot', why: `still damaged after the repair: ${left[0]}` }
      } finally {
        close(database)
      }
      // As the gateway opens it. The last to close folds the log in: one file is left.
      const kept = opened(whole, false)
      kept.exec('PRAGMA journal_mode=WAL')
      close(kept)
      syncFile(whole)
      rmSync(to, { force: true })
      renameSync(whole, to)
      return { is: 'mended', did, taken }
    } catch (error) {
      return { is: 'cannot', why: said(error) }
    }
  })
  return outcome.is === 'cannot-tell' ? { is: 'cannot', why: outcome.why } : outcome
}

/** The copy itself, its indexes rebuilt where that was all; or a fresh database with what it still yields. */
function soundest(copy: string, fresh: string, mending: Mending, did: string[]): string {
  let database: Database | undefined
  try {
    database = opened(copy, false)
    if (problems(database).length === 0) return copy
    database.exec('REINDEX')
    if (problems(database).length === 0) {
      did.push('its indexes were rebuilt: no row was damaged')
      return copy
    }
  } catch {
    // What does not open, or has no whole table of contents: row by row.
  } finally {
    close(database)
  }
  salvage(copy, fresh, mending, did)
  return fresh
}

/**
 * A database that was cut off counts more pages than it has, and one whose first page is gone has no table of contents:
 * the count is put right, then the header, then the whole page come from the snapshot, until it can be asked.
 */
function openable(path: string, snapshot: string | null, did: string[]): Database | undefined {
  const bytes = readFileSync(path)
  const good = snapshot === null ? undefined : readFileSync(snapshot)
  const known = headerOf(good ?? bytes)
  if (known.is !== 'database') return undefined
  const pages = Math.floor(bytes.length / known.pageBytes)
  const heads = [
    Buffer.from(bytes.subarray(0, known.pageBytes)),
    ...(good === undefined
      ? []
      : [
          Buffer.concat([good.subarray(0, headerBytes), bytes.subarray(headerBytes, known.pageBytes)]),
          Buffer.from(good.subarray(0, known.pageBytes)),
        ]),
  ]
  for (const [attempt, head] of heads.entries()) {
    const asIs = attempt === 0 ? readable(path) : undefined
    if (asIs !== undefined) return asIs
    if (head.length < known.pageBytes) continue
    head.writeUInt32BE(pages, 28)
    head.copy(head, 92, 24, 28)
    writeFileSync(path, Buffer.concat([head, bytes.subarray(known.pageBytes, pages * known.pageBytes)]))
    const database = readable(path)
    if (database === undefined) continue
    did.push(
      attempt === 0 ? 'its count of pages was put right' : 'its first page came from the newest snapshot',
    )
    return database
  }
  return undefined
}

const problems = (database: Database): string[] =>
  database
    .prepare('PRAGMA integrity_check(5)')
    .all()
    .map((row) => String(Object.values(row)[0]))
    .filter((line) => line !== 'ok')

interface Part {
  readonly type: string
  readonly name: string
  readonly sql: string
}

function salvage(from: string, to: string, { snapshot, vital }: Mending, did: string[]): void {
  let source: Database | undefined
  let fresh: Database | undefined
  try {
    source = openable(from, snapshot, did)
    const parts = (source && partsOf(source)) ?? (snapshot === null ? undefined : partsOfFile(snapshot))
    if (parts === undefined || parts.length === 0)
      throw new Error('its table of contents cannot be read, and there is no snapshot')
    fresh = opened(to, false)
    const settings = settingsOf(source) ?? settingsOf(snapshot === null ? undefined : readable(snapshot))
    fresh.exec(`PRAGMA page_size=${settings?.pageBytes ?? 4096}; PRAGMA auto_vacuum=${settings?.vacuum ?? 0}`)
    fresh.exec(`PRAGMA user_version=${settings?.version ?? 0}`)
    if (snapshot !== null) fresh.prepare('ATTACH ? AS snapshot').run(snapshot)
    const virtual = parts.filter(({ sql }) => /^CREATE VIRTUAL TABLE/i.test(sql))
    const isText = ({ sql }: Part): boolean => /USING\s+fts5/i.test(sql)
    const shadows = (name: string): boolean =>
      virtual.some(
        (table) => isText(table) && name.startsWith(`${table.name}_`) && isShadow(table.name, name),
      )
    const tables = parts.filter(
      (part) =>
        part.type === 'table' &&
        !virtual.includes(part) &&
        !shadows(part.name) &&
        !part.name.startsWith('sqlite_'),
    )
    fresh.exec('BEGIN')
    for (const { sql } of tables) fresh.exec(sql)
    let read = 0
    for (const { name } of tables) {
      const { rows, whole, added } = copyTable(source, fresh, name, snapshot !== null)
      read += rows
      if (!whole && rows + added === 0 && vital.includes(name))
        throw new Error(`nothing of ${name} can be read any more, and no snapshot has it`)
      if (!whole && rows + added > 0)
        did.push(
          `table ${name}: ${rows} rows could still be read${snapshot === null ? '' : `, ${added} more came from the newest snapshot`}`,
        )
    }
    for (const table of virtual) {
      if (isText(table)) copyText(source, fresh, table)
      else nameOnly(fresh, table)
    }
    for (const part of parts)
      if (part.type !== 'table' && !part.name.startsWith('sqlite_autoindex')) fresh.exec(part.sql)
    fresh.exec('COMMIT')
    if (snapshot !== null) fresh.exec('DETACH snapshot')
    did.unshift(`${read} rows of ${tables.length} tables were carried over one by one`)
  } finally {
    close(source)
    close(fresh)
  }
}

const isShadow = (table: string, name: string): boolean =>
  ['data', 'idx', 'content', 'docsize', 'config'].includes(name.slice(table.length + 1))

function readable(path: string): Database | undefined {
  if (!existsSync(path)) return undefined
  try {
    const database = opened(path, false)
    database.prepare('SELECT count(*) FROM sqlite_master').get()
    return database
  } catch {
    return undefined
  }
}

function partsOf(database: Database): Part[] | undefined {
  try {
    return database
      .prepare('SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid')
      .all()
      .map((row) => ({ type: String(row['type']), name: String(row['name']), sql: String(row['sql']) }))
  } catch {
    return undefined
  }
}

function partsOfFile(path: string): Part[] | undefined {
  const database = readable(path)
  try {
    return database && partsOf(database)
  } finally {
    close(database)
  }
}

function settingsOf(
  database: Database | undefined,
): { pageBytes: number; vacuum: number; version: number } | undefined {
  if (database === undefined) return undefined
  const pragma = (name: string): number =>
    Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
  try {
    return { pageBytes: pragma('page_size'), vacuum: pragma('auto_vacuum'), version: pragma('user_version') }
  } catch {
    return undefined
  }
}

/** From both ends towards the damage; by the order of the table's own key. */
function copyTable(source: Database | undefined, fresh: Database, name: string, hasSnapshot: boolean) {
  const columns = fresh
    .prepare(`PRAGMA table_info(${quoted(name)})`)
    .all()
    .map((row) => ({ name: String(row['name']), key: Number(row['pk']) }))
  const keyed = hasRowid(fresh, name)
  const named = [...(keyed ? ['rowid'] : []), ...columns.map((column) => quoted(column.name))]
  const order = keyed
    ? ['rowid']
    : columns
        .filter(({ key }) => key > 0)
        .sort((a, b) => a.key - b.key)
        .map((column) => quoted(column.name))
  const marks = named.map(() => '?').join(', ')
  const insert = fresh.prepare(
    `INSERT OR IGNORE INTO ${quoted(name)} (${named.join(', ')}) VALUES (${marks})`,
  )
  let rows = 0
  const walk = (direction: 'ASC' | 'DESC'): boolean => {
    if (source === undefined) return false
    try {
      const by = order.map((column) => `${column} ${direction}`).join(', ')
      const select = source.prepare(
        `SELECT ${named.map((column, i) => `${column} AS c${i}`).join(', ')} FROM ${quoted(name)} ORDER BY ${by}`,
      )
      select.setReadBigInts?.(true)
      for (const row of select.iterate()) {
        // The walk from the other end meets what is there already.
        const added = Number(insert.run(...Object.values(row)).changes)
        if (added === 0 && direction === 'DESC') continue
        rows += added
      }
      return true
    } catch {
      return false
    }
  }
  const whole = walk('ASC')
  if (!whole) walk('DESC')
  let added = 0
  if (!whole && hasSnapshot) {
    try {
      const all = named.join(', ')
      const sql = `INSERT OR IGNORE INTO ${quoted(name)} (${all}) SELECT ${all} FROM snapshot.${quoted(name)}`
      added = Number(fresh.prepare(sql).run().changes)
    } catch {
      // A snapshot of an older schema does not have it.
    }
  }
  return { rows, whole, added }
}

function hasRowid(database: Database, name: string): boolean {
  try {
    database.prepare(`SELECT rowid FROM ${quoted(name)} LIMIT 0`).all()
    return true
  } catch {
    return false
  }
}

/** A full-text index: its own content row by row, or built again from the table that it is about. */
function copyText(source: Database | undefined, fresh: Database, { name, sql }: Part): void {
  fresh.exec(sql)
  if (/[,(]\s*content\s*=/i.test(sql)) {
    fresh.exec(`INSERT INTO ${quoted(name)} (${quoted(name)}) VALUES ('rebuild')`)
    return
  }
  const columns = fresh
    .prepare(`PRAGMA table_info(${quoted(name)})`)
    .all()
    .map((row) => quoted(String(row['name'])))
  const insert = fresh.prepare(
    `INSERT INTO ${quoted(name)} (rowid, ${columns.join(', ')}) VALUES (?, ${columns.map(() => '?').join(', ')})`,
  )
  try {
    for (const row of source?.prepare(`SELECT * FROM ${quoted(`${name}_content`)} ORDER BY id`).iterate() ??
      [])
      insert.run(...Object.values(row).slice(0, columns.length + 1))
  } catch {
    // Derived: the gateway finds what is not in it by itself, or not at all until it is indexed anew.
  }
}

/** A virtual table of a module that is not here: its own tables were carried over like any other. */
function nameOnly(fresh: Database, { name, sql }: Part): void {
  fresh.exec('PRAGMA writable_schema=ON')
  fresh
    .prepare("INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('table', ?, ?, 0, ?)")
    .run(name, name, sql)
  fresh.exec('PRAGMA writable_schema=OFF')
}

function replaceBadJson(database: Database, { json }: Mending, taken: Taken[]): void {
  for (const { table, column, instead } of json) {
    const bad = `${quoted(column)} IS NOT NULL AND NOT json_valid(${quoted(column)})`
    const rows = attempt(() => database.prepare(`SELECT * FROM ${quoted(table)} WHERE ${bad}`).all()) ?? []
    if (rows.length === 0) continue
    for (const row of rows) taken.push({ table, why: `${column} does not parse`, row: shown(row) })
    database.exec(`UPDATE ${quoted(table)} SET ${quoted(column)} = ${instead} WHERE ${bad}`)
  }
}

/** Removing one may leave its own children behind: round by round, until nothing points nowhere. */
function removeOrphans(database: Database, { parents }: Mending, taken: Taken[], did: string[]): void {
  for (let round = 0; round < 20; round++) {
    const orphans = database.prepare('PRAGMA foreign_key_check').all()
    if (orphans.length === 0) return
    if (round === 0)
      for (const sql of parents) {
        const put = attempt(() => Number(database.prepare(sql).run().changes)) ?? 0
        if (put > 0) did.push(`${put} rows that others point to were put back`)
      }
    if (round === 0 && parents.length > 0) continue
    for (const { table, rowid, parent, fkid } of orphans) {
      const name = String(table)
      if (rowid == null) throw new Error(`a row of ${name} without a number points nowhere`)
      const row = database.prepare(`SELECT * FROM ${quoted(name)} WHERE rowid = ?`).get(rowid)
      if (row === undefined) continue
      taken.push({ table: name, why: `its row in ${String(parent)} is gone`, row: shown(row) })
      const link = database
        .prepare(`PRAGMA foreign_key_list(${quoted(name)})`)
        .all()
        .find((one) => one['id'] === fkid)
      if (link?.['on_delete'] === 'SET NULL')
        database
          .prepare(`UPDATE ${quoted(name)} SET ${quoted(String(link['from']))} = NULL WHERE rowid = ?`)
          .run(rowid)
      else database.prepare(`DELETE FROM ${quoted(name)} WHERE rowid = ?`).run(rowid)
    }
  }
  throw new Error('rows that point nowhere are left after twenty rounds')
}

const shown = (row: Row): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, inJson(value)]))

const inJson = (value: Value): unknown =>
  value instanceof Uint8Array
    ? { base64: Buffer.from(value).toString('base64') }
    : typeof value === 'bigint'
      ? String(value)
      : value

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
