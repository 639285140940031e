/**
 * The rows of one table of a damaged database, carried into a fresh one: all at once where nothing is wrong with it, else
 * one by one, from both ends towards the damage, and from every place between two damaged ones that can be reached.
 * By SQL alone, so that a value arrives as the bytes that it was.
 *
 * Every row is either carried over, or in the account: whole, where the new table refuses it; by what an index has of
 * it, where it cannot be read.
 */
import type { Account } from './sqlite-account.ts'
import {
  answer,
  attempt,
  quoted,
  said,
  type Database,
  type Row,
  type Statement,
  type Value,
} from './sqlite.ts'

/** The fresh database is `main`; these are attached to it, where there are any. */
export interface Sources {
  readonly hasDamaged: boolean
  readonly hasSnapshot: boolean
  /** More than this no table can have. */
  readonly mostRows: number
}

export interface Carried {
  readonly rows: number
  /** Whole in the account. */
  readonly refused: number
  readonly lost: number
  /** False where more may be lost than is known. */
  readonly isCounted: boolean
  readonly fromSnapshot: number
  /** Rows that only the snapshot has, and that are known to have gone since: not taken from it. */
  readonly gone: number
}

/** Where rows come from and go to, column by column; the first `keys` of them are their order. */
export interface Route {
  readonly from: string
  readonly to: string
  readonly fromColumns: readonly string[]
  readonly toColumns: readonly string[]
  /** Of `fromColumns`: by these a row is found. */
  readonly keys: readonly string[]
  readonly isNumbered: boolean
}

/** A write each; beside damage, one by one. */
const atATime = 256
/** So often a way past damaged pages is looked for in one table. */
const mostProbes = 2000

export function routeOf(database: Database, name: string): Route {
  const columns = answer(database, `PRAGMA main.table_info(${quoted(name)})`).map((row) => ({
    name: quoted(String(row['name'])),
    key: Number(row['pk']),
  }))
  const [kind] = answer(database, "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", name)
  const isNumbered = Number(kind?.['wr']) === 0
  const all = [...(isNumbered ? ['rowid'] : []), ...columns.map((column) => column.name)]
  const keys = isNumbered
    ? ['rowid']
    : columns
        .filter(({ key }) => key > 0)
        .toSorted((a, b) => a.key - b.key)
        .map((column) => column.name)
  return { from: name, to: name, fromColumns: all, toColumns: all, keys, isNumbered }
}

export function carry(database: Database, route: Route, sources: Sources, account: Account): Carried {
  const nothing = { rows: 0, refused: 0, lost: 0, isCounted: true, fromSnapshot: 0, gone: 0 }
  if (!sources.hasDamaged) {
    const fromSnapshot = sources.hasSnapshot ? filled(database, route) : 0
    return { ...nothing, isCounted: false, fromSnapshot }
  }
  const rows = atOnce(database, route)
  if (rows !== undefined) return { ...nothing, rows }
  return new Walk(database, route, sources, account).carried()
}

/** Undefined where anything is wrong: then nothing was carried. */
function atOnce(database: Database, route: Route): number | undefined {
  const by = `NOT INDEXED ORDER BY ${route.keys.join(', ')}`
  return attempt(() => Number(database.prepare(`INSERT ${whatOf(route, 'damaged')} ${by}`).run().changes))
}

const whatOf = ({ from, to, fromColumns, toColumns }: Route, source: 'damaged' | 'snapshot'): string =>
  `INTO main.${quoted(to)} (${toColumns.join(', ')}) SELECT ${fromColumns.join(', ')} FROM ${source}.${quoted(from)}`

/**
 * What is missing, from the snapshot. The number of a row that has another key is not what it is known by (VACUUM gives
 * new ones, and so does a row that was written anew), so a number that is taken meanwhile keeps none out.
 */
function filled(database: Database, route: Route, where = 'true'): number {
  const change = (sql: string): number => attempt(() => Number(database.prepare(sql).run().changes)) ?? 0
  const all = change(`INSERT OR IGNORE ${whatOf(route, 'snapshot')} WHERE ${where}`)
  if (!route.isNumbered || route.fromColumns.length === 1) return all
  const indexes = attempt(() => answer(database, `PRAGMA main.index_list(${quoted(route.to)})`)) ?? []
  if (!indexes.some((index) => Number(index['unique']) === 1 && Number(index['partial']) === 0)) return all
  const unnumbered = {
    ...route,
    fromColumns: route.fromColumns.slice(1),
    toColumns: route.toColumns.slice(1),
  }
  return all + change(`INSERT OR IGNORE ${whatOf(unnumbered, 'snapshot')} WHERE ${where}`)
}

type Key = readonly Value[]
type Fate = 'carried' | 'known' | 'refused' | 'unread'

class Walk {
  readonly #database: Database
  readonly #route: Route
  readonly #sources: Sources
  readonly #account: Account
  readonly #list: string
  readonly #marks: string
  readonly #one: string
  readonly #insert: Statement | undefined
  readonly #insertSome: Statement | undefined
  readonly #refused = new Set<string>()
  #rows = 0
  #met = 0
  #probes = 0
  /** Met on the way, and not to be read. */
  #unread = 0

  constructor(database: Database, route: Route, sources: Sources, account: Account) {
    this.#database = database
    this.#route = route
    this.#sources = sources
    this.#account = account
    const { keys } = route
    this.#list = `(${keys.join(', ')})`
    this.#marks = `(${keys.map(() => '?').join(', ')})`
    this.#one = `NOT INDEXED WHERE ${this.#list} = ${this.#marks}`
    const into = `INSERT ${whatOf(route, 'damaged')}`
    const some = `${this.#list} >= ${this.#marks} AND ${this.#list} <= ${this.#marks}`
    this.#insert = attempt(() => database.prepare(`${into} ${this.#one}`))
    this.#insertSome = attempt(() => database.prepare(`${into} NOT INDEXED WHERE ${some}`))
  }

  carried(): Carried {
    const up = this.#walk('ASC', undefined, undefined)
    if (!up.isWhole) this.#fromTheOtherEnd(up.last)
    const isComplete = up.isWhole && this.#unread === 0
    const { lost, isCounted } = isComplete ? { lost: 0, isCounted: true } : this.#lost()
    const { hasSnapshot } = this.#sources
    const gone = hasSnapshot && !isComplete ? this.#gone() : undefined
    const fromSnapshot = hasSnapshot
      ? isComplete
        ? this.#insteadOfRefused()
        : filled(this.#database, this.#route, gone?.where)
      : 0
    const refused = this.#refused.size
    return { rows: this.#rows, refused, lost, isCounted, fromSnapshot, gone: gone?.rows ?? 0 }
  }

  /**
   * The index of its key knows every row, those that cannot be read as well: what the snapshot has and it does not know
   * was deleted since. Where it can be read to its end, and knows each row that was carried over.
   */
  #gone(): { readonly where: string; readonly rows: number } | undefined {
    const { from, to } = this.#route
    const most = Math.floor(this.#sources.mostRows)
    for (const { name, columns } of this.#indexes('pk')) {
      const key = `(${columns.join(', ')})`
      const known = `SELECT ${columns.join(', ')} FROM damaged.${quoted(from)} INDEXED BY ${quoted(name)} LIMIT ${most}`
      const where = `${key} IN (${known})`
      const count = (sql: string) =>
        attempt(() => Number(answer(this.#database, `SELECT count(*) AS n FROM ${sql}`)[0]?.['n']))
      const entries = count(`(${known})`)
      if (entries === undefined || entries === most) continue
      if (count(`main.${quoted(to)} WHERE NOT ${where}`) !== 0) continue
      const rows = count(`snapshot.${quoted(from)} WHERE NOT ${where}`)
      if (rows !== undefined) return { where, rows }
    }
    return undefined
  }

  #fromTheOtherEnd(reached: Key | undefined): void {
    const down = this.#walk('DESC', reached, undefined)
    if (down.isWhole || !this.#route.isNumbered || this.#byIndex()) return
    this.#leap(numberOf(reached) ?? leastNumber, numberOf(down.last) ?? greatestNumber)
  }

  /** An index knows every number. True when one was whole. */
  #byIndex(): boolean {
    for (const { name, columns } of this.#indexes()) {
      const isWhole = attempt(() => {
        this.#missing(name, columns, (number) => void this.#take([number]))
        return true
      })
      if (isWhole) return true
    }
    return false
  }

  /** Over damaged pages, further each time, to the next one that can be read; and back from there. */
  #leap(from: bigint, to: bigint): void {
    const gaps: [bigint, bigint][] = [[from, to]]
    for (let gap = gaps.pop(); gap !== undefined; gap = gaps.pop()) {
      const [low, high] = gap
      for (let step = 1n; low + step < high && this.#probes < mostProbes; step *= 2n) {
        const at = low + step
        const up = this.#walk('ASC', [at], [high])
        const down = this.#walk('DESC', [low], [at + 1n])
        if (up.last === undefined && down.last === undefined) continue
        if (!up.isWhole) gaps.push([numberOf(up.last) ?? at, high])
        if (!down.isWhole) gaps.push([low, numberOf(down.last) ?? at + 1n])
        break
      }
    }
  }

  #walk(
    direction: 'ASC' | 'DESC',
    after: Key | undefined,
    before: Key | undefined,
  ): { readonly isWhole: boolean; readonly last: Key | undefined } {
    this.#probes++
    const { from, keys } = this.#route
    const where = [
      ...(after === undefined ? [] : [`${this.#list} > ${this.#marks}`]),
      ...(before === undefined ? [] : [`${this.#list} < ${this.#marks}`]),
    ]
    const by = keys.map((key) => `${key} ${direction}`).join(', ')
    const sql = `SELECT ${keys.map((key, i) => `${key} AS k${i}`).join(', ')} FROM damaged.${quoted(from)} NOT INDEXED ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`} ORDER BY ${by}`
    let last: Key | undefined
    let some: Key[] = []
    const takeSome = (): void => {
      this.#takeSome(direction === 'ASC' ? some : some.toReversed())
      some = []
    }
    try {
      const select = this.#database.prepare(sql)
      select.setReadBigInts?.(true)
      for (const row of select.iterate(...(after ?? []), ...(before ?? []))) {
        // Pages that lead to each other in a circle have no end.
        if (++this.#met > this.#sources.mostRows) return { isWhole: false, last }
        last = Object.values(row)
        if (some.push(last) === atATime) takeSome()
      }
      return { isWhole: true, last }
    } catch {
      return { isWhole: false, last }
    } finally {
      takeSome()
    }
  }

  /** In their order; one by one only where not all of them go. */
  #takeSome(keys: readonly Key[]): void {
    const [first, last] = [keys[0], keys.at(-1)]
    if (first === undefined || last === undefined) return
    const changes = attempt(() => Number(this.#insertSome!.run(...first, ...last).changes)) ?? 0
    this.#rows += changes
    if (changes >= keys.length) return
    for (const key of keys) if (this.#take(key) === 'unread') this.#unread++
  }

  #take(key: Key): Fate {
    const name = key.map(String).join('\n')
    if (this.#refused.has(name)) return 'refused'
    const { to } = this.#route
    try {
      const changes = Number(this.#insert?.run(...key).changes ?? 0)
      this.#rows += changes
      return changes === 0 ? 'unread' : 'carried'
    } catch (error) {
      // Carried with others before, or shown twice by a page that is out of order.
      if (this.#isThere(key)) return 'known'
      const row = attempt(() => this.#whole(key))
      if (row === undefined) return 'unread'
      this.#refused.add(name)
      this.#account.take(to, said(error), row)
      return 'refused'
    }
  }

  #isThere(key: Key): boolean {
    const { to, toColumns, keys, isNumbered } = this.#route
    const list = isNumbered ? toColumns[0] : keys.join(', ')
    return (
      answer(this.#database, `SELECT 1 FROM main.${quoted(to)} WHERE (${list}) = ${this.#marks}`, ...key)
        .length > 0
    )
  }

  #whole(key: Key): Row | undefined {
    const { from, fromColumns, isNumbered } = this.#route
    const named = isNumbered ? fromColumns.slice(1) : fromColumns
    const sql = `SELECT ${named.join(', ')} FROM damaged.${quoted(from)} ${this.#one}`
    return answer(this.#database, sql, ...key)[0]
  }

  /** Those that were not met are told by what an index has of them: of one that is damaged itself, nothing is. */
  #lost(): { readonly lost: number; readonly isCounted: boolean } {
    for (const { name, columns } of this.#indexes()) {
      const count = (tell: (row: Row) => void) =>
        attempt(() => {
          let lost = 0
          this.#missing(name, columns, (number, row) => {
            if (this.#refused.has(String(number))) return
            lost++
            tell(row)
          })
          return lost
        })
      const lost = count(() => {})
      if (lost === undefined) continue
      const why = `could not be read; of it, the index ${name} has this`
      count((row) => this.#account.take(this.#route.to, why, row))
      return { lost, isCounted: true }
    }
    return { lost: this.#unread, isCounted: false }
  }

  #indexes(origin?: 'pk'): readonly { readonly name: string; readonly columns: readonly string[] }[] {
    const { from, isNumbered } = this.#route
    if (!isNumbered) return []
    const all = attempt(() => answer(this.#database, `PRAGMA damaged.index_list(${quoted(from)})`)) ?? []
    return all
      .filter((index) => Number(index['partial']) === 0)
      .filter((index) => origin === undefined || index['origin'] === origin)
      .map((index) => String(index['name']))
      .map((name) => ({
        name,
        columns: answer(this.#database, `PRAGMA damaged.index_info(${quoted(name)})`).flatMap((row) =>
          typeof row['name'] === 'string' ? [quoted(row['name'])] : [],
        ),
      }))
  }

  /** Of each row that an index has and the new table has not. Throws where the index cannot be read to its end. */
  #missing(index: string, columns: readonly string[], tell: (number: Value, row: Row) => void): void {
    const { from, to } = this.#route
    const select = this.#database.prepare(
      `SELECT ${['rowid AS "its number"', ...columns].join(', ')} FROM damaged.${quoted(from)} INDEXED BY ${quoted(index)} WHERE rowid NOT IN (SELECT rowid FROM main.${quoted(to)})`,
    )
    select.setReadBigInts?.(true)
    let seen = 0
    for (const { 'its number': number, ...row } of select.iterate()) {
      if (++seen > this.#sources.mostRows) throw new Error('an index without an end')
      tell(number ?? null, row)
    }
  }

  /** What the snapshot has under their numbers. */
  #insteadOfRefused(): number {
    const { keys, isNumbered } = this.#route
    if (!isNumbered) return 0
    const sql = `INSERT OR IGNORE ${whatOf(this.#route, 'snapshot')} WHERE ${keys[0]} = ?`
    const insert = attempt(() => this.#database.prepare(sql))
    let rows = 0
    for (const number of this.#refused)
      rows += attempt(() => Number(insert?.run(BigInt(number)).changes ?? 0)) ?? 0
    return rows
  }
}

const leastNumber = -(2n ** 63n)
const greatestNumber = 2n ** 63n - 1n
const numberOf = (key: Key | undefined): bigint | undefined =>
  typeof key?.[0] === 'bigint' ? key[0] : undefined
