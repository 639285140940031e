/**
 * The rows of an earlier database, put beside those of the one that stands in its place: by SQL alone, in a private copy
 * of both. What is there is never changed; where a row of another has its key, the earlier one is left out, and counted.
 */
import { constants, copyFileSync } from 'node:fs'
import { answer, attempt, inRows, quoted, said, type Database } from './sqlite.ts'

export interface Joining {
  /** A whole, sound database of the same schema. */
  readonly from: string
  /** Null: of every table. */
  readonly only: readonly { readonly table: string; readonly where: string }[] | null
  /** Made anew from the others by whoever owns them: never. */
  readonly derived: readonly string[]
  /**
   * Keys of the earlier one that another has by now: `was` and `becomes`, which is then written wherever a table has a
   * column of this name. Asked of both, `main` and `earlier`.
   */
  readonly keys: { readonly column: string; readonly sql: string } | null
  /** Tables of which nothing may fail. */
  readonly vital: readonly string[]
}

export function joinEarlier(database: Database, joining: Joining, room: string, did: string[]): void {
  const copy = `${room}/earlier`
  copyFileSync(joining.from, copy, constants.COPYFILE_FICLONE)
  database.prepare('ATTACH ? AS earlier').run(copy)
  try {
    database.exec('BEGIN')
    if (joining.keys !== null) giveOtherKeys(database, joining.keys, did)
    let rows = 0
    for (const { name, where } of wanted(database, joining)) {
      try {
        rows += carried(database, name, where, did)
      } catch (error) {
        if (joining.vital.includes(name)) throw error
        did.push(`table ${name}: nothing of it could be put there (${said(error)})`)
      }
    }
    database.exec('COMMIT')
    did.unshift(`${inRows(rows)} of the earlier database put beside its own`)
  } catch (error) {
    // Else it could not be let go of, and that would be told instead.
    attempt(() => database.exec('ROLLBACK'))
    throw error
  } finally {
    database.exec('DETACH earlier')
  }
}

interface Table {
  readonly name: string
  readonly where: string
}

/** In both, and no part of what an index of words or vectors keeps for itself. */
function wanted(database: Database, { only, derived }: Joining): Table[] {
  const kinds = answer(
    database,
    "SELECT name, type FROM pragma_table_list WHERE schema IN ('main', 'earlier') GROUP BY name, type HAVING count(*) = 2",
  )
  const virtual = kinds.filter(({ type }) => type === 'virtual').map(({ name }) => `${String(name)}_`)
  const names = kinds
    .filter(({ type }) => type === 'table')
    .map(({ name }) => String(name))
    .filter((name) => !name.startsWith('sqlite_') && !virtual.some((part) => name.startsWith(part)))
    .filter((name) => !derived.includes(name))
  if (only === null) return names.map((name) => ({ name, where: 'true' }))
  return only.flatMap(({ table, where }) => (names.includes(table) ? [{ name: table, where }] : []))
}

/** A number that only says in which order rows came is given anew: of two lives it names two rows. */
function carried(database: Database, name: string, where: string, did: string[]): number {
  const all = answer(database, `PRAGMA main.table_info(${quoted(name)})`)
  const keys = all.filter(({ pk }) => Number(pk) > 0)
  const isNumber = keys.length === 1 && String(keys[0]!['type']).toUpperCase() === 'INTEGER'
  const columns = all
    .filter((column) => !(isNumber && all.length > 1 && column === keys[0]))
    .map((column) => quoted(String(column['name'])))
    .join(', ')
  const from = `FROM earlier.${quoted(name)} WHERE ${where}`
  const there = Number(answer(database, `SELECT count(*) AS n ${from}`)[0]?.['n'] ?? 0)
  if (there === 0) return 0
  const { changes } = database
    .prepare(`INSERT OR IGNORE INTO main.${quoted(name)} (${columns}) SELECT ${columns} ${from}`)
    .run()
  const rows = Number(changes)
  if (rows < there) did.push(`table ${name}: ${inRows(there - rows)} left out, whose key another has by now`)
  return rows
}

function giveOtherKeys(
  database: Database,
  { column, sql }: NonNullable<Joining['keys']>,
  did: string[],
): void {
  const taken = answer(database, sql)
  if (taken.length === 0) return
  const tables = answer(
    database,
    "SELECT l.name FROM pragma_table_list AS l, pragma_table_info(l.name, 'earlier') AS c WHERE l.schema = 'earlier' AND l.type = 'table' AND c.name = ?",
    column,
  )
  for (const { name } of tables) {
    const table = `earlier.${quoted(String(name))}`
    const update = database.prepare(
      `UPDATE OR IGNORE ${table} SET ${quoted(column)} = ? WHERE ${quoted(column)} = ?`,
    )
    for (const { was, becomes } of taken) update.run(becomes ?? null, was ?? null)
  }
  for (const { was, becomes } of taken) did.push(`${String(was)} of before is ${String(becomes)} now`)
}
