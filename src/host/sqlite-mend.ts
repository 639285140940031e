/**
 * A sound database made from a damaged one, as a new file; the damaged one is never opened for writing.
 *
 * In this order, each only as far as it is needed: indexes are rebuilt; or every row that can still be read goes, table
 * by table and by key, into a fresh database of the same schema, and for tables that could not be read to their end
 * what is missing comes from the newest snapshot. Then the rows of an earlier database are put beside it where that is
 * asked for, text that has to be JSON and is not gets the smallest valid replacement, parents that can be rebuilt are,
 * and rows that still point nowhere go. What is taken out of a row or with it is told, whole.
 */
import { closeSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { accountAt, type Account } from './sqlite-account.ts'
import { headerBytes, headerOf } from './sqlite-file.ts'
import { joinEarlier, type Joining } from './sqlite-join.ts'
import { salvage, toWholePages } from './sqlite-salvage.ts'
import {
  answer,
  attempt,
  badJsonIn,
  close,
  inRows,
  mayPass,
  opened,
  quoted,
  said,
  setOf,
  syncFile,
  withCopy,
  type Database,
  type JsonColumn,
} from './sqlite.ts'

export interface Mending {
  /** A sound, older copy of the same database. */
  readonly snapshot: string | null
  /** What has to hold JSON, with an SQL expression over the row that gives the smallest valid text. */
  readonly json: readonly (JsonColumn & { readonly instead: string })[]
  /** Tables of which something has to be there: an empty one would pass for a new beginning. */
  readonly vital: readonly string[]
  /** Statements that put back parents of rows that point nowhere. */
  readonly parents: readonly string[]
  /** What stood in its place before, to be put beside it. */
  readonly join?: Joining
}

export type Mended =
  | {
      readonly is: 'mended'
      /** For a person, in a line each, with its counts. */
      readonly did: readonly string[]
    }
  | { readonly is: 'cannot'; readonly why: string; readonly canPass: boolean }

/** Beside what was mended. */
export const reportOf = (to: string): string => `${to}.jsonl`

/** `to` and the report are written and synced, or not there. */
export function mendCopy(path: string, workshop: string, to: string, mending: Mending): Mended {
  const outcome = withCopy(setOf(path), workshop, (copy, room): Mended => {
    const did: string[] = []
    let account: Account | undefined
    try {
      account = accountAt(`${room}/account`)
      makeWhole(copy)
      const whole = soundest(copy, `${room}/fresh`, mending, account, did)
      const database = opened(whole, false)
      try {
        if (mending.join !== undefined) joinEarlier(database, mending.join, room, did)
        replaceBadJson(database, mending, account, did)
        removeOrphans(database, mending, account, did)
        const left = problems(database)
        if (left.length > 0)
          return { is: 'cannot', why: `still damaged after the repair: ${left[0]}`, canPass: false }
      } finally {
        close(database)
      }
      // As the gateway opens it. The last to close folds the log in: one file is left.
      const kept = opened(whole, false)
      kept.exec('PRAGMA journal_mode=WAL')
      close(kept)
      account.report(did, `${room}/report`)
      for (const [made, name] of [
        [`${room}/report`, reportOf(to)],
        [whole, to],
      ] as const) {
        syncFile(made)
        rmSync(name, { force: true })
        renameSync(made, name)
      }
      return { is: 'mended', did }
    } catch (error) {
      return { is: 'cannot', why: said(error), canPass: mayPass(error) }
    } finally {
      account?.close()
    }
  })
  return outcome.is === 'cannot-tell'
    ? { is: 'cannot', why: outcome.why, canPass: outcome.canPass === true }
    : outcome
}

/** A piece of a page at the end would stay there, and pass for a file that was cut off. */
function makeWhole(copy: string): void {
  const fd = openSync(copy, 'r+')
  try {
    const head = Buffer.alloc(headerBytes)
    const header = headerOf(head.subarray(0, readSync(fd, head, 0, headerBytes, 0)))
    if (header.is === 'database') toWholePages(fd, header.pageBytes)
  } finally {
    closeSync(fd)
  }
}

/** The copy itself, its indexes rebuilt where that was all; or a fresh database with what it still yields. */
function soundest(
  copy: string,
  fresh: string,
  { snapshot, vital }: Mending,
  account: Account,
  did: string[],
): string {
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
  salvage({ from: copy, to: fresh, snapshot, vital }, account, did)
  return fresh
}

const problems = (database: Database): string[] =>
  database
    .prepare('PRAGMA integrity_check(5)')
    .all()
    .map((row) => String(Object.values(row)[0]))
    .filter((line) => line !== 'ok')

function replaceBadJson(database: Database, { json }: Mending, account: Account, did: string[]): void {
  for (const one of json) {
    const { table, column, packed, instead } = one
    const bad = badJsonIn(database, one)
    const name = packed?.column ?? column
    const rows = attempt(() => taken(database, table, bad, `${name} does not parse`, account)) ?? 0
    if (rows === 0) continue
    const emptied = packed === undefined ? [] : [packed.column, packed.bytes, ...packed.beside]
    const set = [`${quoted(column)} = ${instead}`, ...emptied.map((each) => `${quoted(each)} = NULL`)]
    database.exec(`UPDATE ${quoted(table)} SET ${set.join(', ')} WHERE ${bad}`)
    did.push(
      `table ${table}: ${inRows(rows)} whose ${name} does not parse given the smallest that does, their own kept`,
    )
  }
}

/** Into the account. How many. */
function taken(database: Database, table: string, where: string, why: string, account: Account): number {
  const select = database.prepare(`SELECT * FROM ${quoted(table)} WHERE ${where}`)
  select.setReadBigInts?.(true)
  let rows = 0
  for (const row of select.iterate()) {
    account.take(table, why, row)
    rows++
  }
  return rows
}

/** Removing one may leave its own children behind: round by round, until nothing points nowhere. */
function removeOrphans(database: Database, { parents }: Mending, account: Account, did: string[]): void {
  for (let round = 0; round < 20; round++) {
    const links = linksToNowhere(database)
    if (links.length === 0) return
    if (round === 0)
      for (const sql of parents) {
        const put = attempt(() => Number(database.prepare(sql).run().changes)) ?? 0
        if (put > 0) did.push(`${inRows(put)} that others point to put back`)
      }
    if (round === 0 && parents.length > 0) continue
    for (const { table, parent, where, mayBeEmpty } of links) {
      const rows = taken(database, table, where, `its row in ${parent} is gone`, account)
      if (rows === 0) continue
      const emptied =
        mayBeEmpty === null
          ? undefined
          : attempt(() => {
              database.exec(`UPDATE ${quoted(table)} SET ${quoted(mayBeEmpty)} = NULL WHERE ${where}`)
              return true
            })
      if (emptied === undefined) database.exec(`DELETE FROM ${quoted(table)} WHERE ${where}`)
      did.push(
        `table ${table}: ${inRows(rows)} whose row in ${parent} is gone ${emptied === undefined ? 'taken out' : 'cut loose'}, and kept`,
      )
    }
  }
  throw new Error('rows that point nowhere are left after twenty rounds')
}

interface Link {
  readonly table: string
  readonly parent: string
  /** What is true of the rows that point nowhere; they need no number for it. */
  readonly where: string
  /** A column that may be emptied instead. */
  readonly mayBeEmpty: string | null
}

function linksToNowhere(database: Database): Link[] {
  const links = new Map<string, Link>()
  for (const { table, parent, fkid } of database.prepare('PRAGMA foreign_key_check').iterate()) {
    const key = `${String(table)} ${String(fkid)}`
    if (!links.has(key)) links.set(key, linkOf(database, String(table), String(parent), Number(fkid)))
  }
  return [...links.values()]
}

function linkOf(database: Database, table: string, parent: string, id: number): Link {
  const columns = answer(database, `PRAGMA foreign_key_list(${quoted(table)})`)
    .filter((one) => Number(one['id']) === id)
    .toSorted((a, b) => Number(a['seq']) - Number(b['seq']))
  const keys = answer(database, `PRAGMA table_info(${quoted(parent)})`)
    .filter((column) => Number(column['pk']) > 0)
    .toSorted((a, b) => Number(a['pk']) - Number(b['pk']))
  const pairs = columns.map(({ from, to }, n) => ({
    from: `${quoted(table)}.${quoted(String(from))}`,
    // The key of the parent where none is named. Its rules of comparison are those that count: it stands first.
    to: `parent.${quoted(String(to ?? keys[n]?.['name']))}`,
  }))
  const set = pairs.map(({ from }) => `${from} IS NOT NULL`)
  const isThere =
    answer(database, 'SELECT 1 FROM sqlite_master WHERE name = ? COLLATE NOCASE', parent).length > 0
  const match = pairs.map(({ from, to }) => `${to} = ${from}`).join(' AND ')
  const gone = isThere ? [`NOT EXISTS (SELECT 1 FROM ${quoted(parent)} AS parent WHERE ${match})`] : []
  const [first] = columns
  return {
    table,
    parent,
    where: [...set, ...gone].join(' AND '),
    mayBeEmpty: first?.['on_delete'] === 'SET NULL' ? String(first['from']) : null,
  }
}
