/** Databases that a defect or a disk has damaged: what can be read goes over, what does not is told and kept, and nothing throws. */
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { mendCopy, type Mended, type Mending } from '../../src/host/sqlite-mend.ts'
import { hasSqlite, opened, type Database, type Row } from '../../src/host/sqlite.ts'
import { compiledHost, runModule } from './compiled.ts'

const pageBytes = 4096

interface Bench {
  readonly path: string
  /** In the database itself, its schema unguarded. */
  by(act: (database: Database) => void): void
  mend(mending?: Partial<Mending>): Mended
  /** Of what came out. */
  ask(sql: string): Row[]
  readonly account: () => { readonly table?: string; readonly why?: string; readonly row?: object }[]
}

function bench(): Bench {
  const room = mkdtempSync(join(tmpdir(), 'supervise-mend-'))
  onTestFinished(() => rmSync(room, { recursive: true }))
  const path = join(room, 'database.sqlite')
  const to = join(room, 'mended.sqlite')
  const workshop = join(room, 'workshop')
  mkdirSync(workshop)
  const within = <T>(file: string, act: (database: Database) => T): T => {
    const database = opened(file, false)
    try {
      return act(database)
    } finally {
      database.close()
    }
  }
  return {
    path,
    by: (act) => within(path, act),
    mend: (mending = {}) =>
      mendCopy(path, workshop, to, { snapshot: null, json: [], vital: [], parents: [], ...mending }),
    ask: (sql) => within(to, (database) => database.prepare(sql).all()),
    account: () =>
      readFileSync(`${to}.jsonl`, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line) as object),
  }
}

/** A schema that its rows do not keep to: as a defect, or a page that is not what was written, leaves it. */
const reschemed = (database: Database, name: string, from: string, to: string): void => {
  database.exec('PRAGMA writable_schema=ON')
  const { changes } = database
    .prepare('UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ? AND instr(sql, ?) > 0')
    .run(from, to, name, from)
  expect(changes).toBe(1)
  database.exec('PRAGMA writable_schema=OFF')
}

/** Pages that hold rows of this text, by number. */
const pagesWith = (path: string, text: string): number[] => {
  const bytes = readFileSync(path)
  return Array.from({ length: bytes.length / pageBytes }, (_, n) => n).filter((n) =>
    bytes.subarray(n * pageBytes, (n + 1) * pageBytes).includes(text),
  )
}
const scribble = (path: string, page: number): void => {
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0xff, page * pageBytes, (page + 1) * pageBytes))
}

const oneOf = (count: number, one: (n: number) => void): void => {
  for (let n = 1; n <= count; n++) one(n)
}

describe.runIf(hasSqlite())('rows that the schema refuses are kept in the account, and told', () => {
  test.each([
    [
      'a value that has to be there',
      'note TEXT',
      'note TEXT NOT NULL',
      "INSERT INTO t VALUES (7, 'k7', NULL)",
      null,
    ],
    [
      'a value that a check forbids',
      'note TEXT',
      "note TEXT CHECK (note <> 'no')",
      "INSERT INTO t VALUES (7, 'k7', 'no')",
      'no',
    ],
    [
      'a value of another type',
      'note TEXT)',
      'note TEXT) STRICT',
      "INSERT INTO t VALUES (7, 'k7', x'00ff')",
      { base64: 'AP8=' },
    ],
  ])('%s', (_, from, into, insert, note) => {
    const b = bench()
    b.by((database) => {
      database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, note TEXT)')
      oneOf(6, (n) => database.exec(`INSERT INTO t VALUES (${n}, 'k${n}', 'yes')`))
      database.exec(insert)
      database.exec("INSERT INTO t VALUES (8, 'k8', 'yes'), (9, 'k9', 'yes')")
      reschemed(database, 't', from, into)
    })
    expect(b.mend()).toMatchObject({
      is: 'mended',
      did: expect.arrayContaining([expect.stringMatching(/table t: 8 rows .*1 refused/)]),
    })
    expect(b.ask('SELECT id FROM t').map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 8, 9])
    expect(b.account()).toEqual([
      { table: 't', why: expect.stringMatching(/constraint|store BLOB/i), row: { id: 7, k: 'k7', note } },
    ])
  })

  test('a key that is there twice, in a table and in an index of its own', () => {
    const b = bench()
    b.by((database) => {
      database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT)')
      database.exec('CREATE INDEX k ON t (k)')
      oneOf(5, (n) => database.exec(`INSERT INTO t VALUES (${n}, 'k${n}')`))
      database.exec("INSERT INTO t VALUES (6, 'k2')")
      reschemed(database, 'k', 'CREATE INDEX', 'CREATE UNIQUE INDEX')
    })
    expect(b.mend()).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT id FROM t').map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(b.ask("SELECT name FROM sqlite_master WHERE type = 'index'")).toEqual([{ name: 'k' }])
    expect(b.account()).toEqual([
      { table: 't', why: expect.stringContaining('UNIQUE'), row: { id: 6, k: 'k2' } },
    ])
  })

  test('what the newest snapshot has of a refused row goes in its place', () => {
    const b = bench()
    const snapshot = `${b.path}.snapshot`
    b.by((database) => {
      database.exec(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'deleted since')",
      )
      database.prepare('VACUUM INTO ?').run(snapshot)
      database.exec('UPDATE t SET note = NULL WHERE id = 2; DELETE FROM t WHERE id = 3')
      reschemed(database, 't', 'note TEXT', 'note TEXT NOT NULL')
    })
    expect(b.mend({ snapshot })).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT * FROM t')).toEqual([
      { id: 1, note: 'a' },
      { id: 2, note: 'b' },
    ])
    expect(b.account()).toMatchObject([{ row: { id: 2, note: null } }])
  })
})

describe.runIf(hasSqlite())('rows that cannot be read', () => {
  const filled = (b: Bench, k = 'k TEXT UNIQUE'): void =>
    b.by((database) => {
      database.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, ${k}, note TEXT)`)
      database.exec('BEGIN')
      oneOf(400, (n) => database.exec(`INSERT INTO t VALUES (${n}, 'k${n}', 'row ${n}. ${'x'.repeat(300)}')`))
      database.exec('COMMIT')
    })

  test.each([
    ['told by what an index has of them', 'k TEXT UNIQUE'],
    ['of an unknown number where no index is', 'k TEXT'],
  ])('cost none of those between two damaged pages, and are %s', (_, k) => {
    const b = bench()
    filled(b, k)
    const first = pagesWith(b.path, 'row 100. ')[0]!
    const second = pagesWith(b.path, 'row 300. ')[0]!
    const left = Array.from({ length: 400 }, (_, n) => n + 1).filter((n) => {
      const pages = pagesWith(b.path, `row ${n}. `)
      return !pages.includes(first) && !pages.includes(second)
    })
    expect(left.length).toBeGreaterThan(350)
    expect(left.length).toBeLessThan(390)
    scribble(b.path, first)
    scribble(b.path, second)
    const isCounted = k.endsWith('UNIQUE')
    const lost = isCounted ? `${400 - left.length} could not be read` : 'how many could not be read'
    expect(b.mend()).toMatchObject({
      is: 'mended',
      did: expect.arrayContaining([
        expect.stringMatching(new RegExp(`table t: ${left.length} rows .*${lost}`)),
      ]),
    })
    expect(b.ask('SELECT id FROM t ORDER BY id').map(({ id }) => id)).toEqual(left)
    const keys = b.account().map(({ row }) => (row as { k: string }).k)
    expect(keys.length).toBe(isCounted ? 400 - left.length : 0)
    if (isCounted) expect(keys).toEqual(expect.arrayContaining(['k100', 'k300']))
  })

  test('because their page was cut off are not made up from what is left of it', () => {
    const b = bench()
    filled(b)
    const last = readFileSync(b.path).length / pageBytes - 1
    const left = Array.from({ length: 400 }, (_, n) => n + 1).filter(
      (n) => !pagesWith(b.path, `row ${n}. `).includes(last),
    )
    expect(left.length).toBeLessThan(400)
    truncateSync(b.path, last * pageBytes + 3300)
    expect(b.mend()).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT id FROM t ORDER BY id').map(({ id }) => id)).toEqual(left)
  })

  test('none is: what lies behind the last page goes', () => {
    const b = bench()
    filled(b)
    const { length } = readFileSync(b.path)
    writeFileSync(b.path, 'garbage', { flag: 'a' })
    expect(b.mend()).toMatchObject({ is: 'mended' })
    expect(readFileSync(`${dirname(b.path)}/mended.sqlite`).length).toBe(length)
    expect(b.ask('SELECT count(*) AS n FROM t')).toEqual([{ n: 400 }])
  })

  test('of which only the end is lost, on a page of its own, cost no other', () => {
    const b = bench()
    filled(b)
    b.by((database) =>
      database.prepare('UPDATE t SET note = ? WHERE id = 200').run(`${'y'.repeat(9000)}the end`),
    )
    scribble(b.path, pagesWith(b.path, 'the end')[0]!)
    // Its chain ends too early.
    b.by((database) => database.exec('PRAGMA user_version=1'))
    const mended = b.mend()
    expect(mended).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT count(*) AS n FROM t')[0]!['n']).toBeGreaterThanOrEqual(399)
  })

  test('of a full-text table are told, and the others can be found', () => {
    const b = bench()
    b.by((database) => {
      database.exec('CREATE VIRTUAL TABLE f USING fts5(words)')
      database.exec('BEGIN')
      oneOf(200, (n) => database.exec(`INSERT INTO f VALUES ('row ${n}. ${'word '.repeat(60)}')`))
      database.exec('COMMIT')
    })
    scribble(b.path, pagesWith(b.path, 'row 100. ').at(-1)!)
    expect(b.mend()).toMatchObject({
      is: 'mended',
      did: expect.arrayContaining([expect.stringMatching(/table f: 1\d\d rows .*could not be read/)]),
    })
    expect(Number(b.ask("SELECT count(*) AS n FROM f WHERE f MATCH 'word'")[0]!['n'])).toBeGreaterThan(150)
  })
})

describe.runIf(hasSqlite())('what goes over is what was there', () => {
  test('text that is no text, numbers beyond what a script can count, and where a sequence stood', () => {
    const b = bench()
    b.by((database) => {
      database.exec('PRAGMA application_id=1234')
      database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, note, n INTEGER)')
      database.exec("INSERT INTO t VALUES (1, CAST(x'61ff62' AS TEXT), 9223372036854775807)")
      database.exec("INSERT INTO t VALUES (2, CAST(x'610062' AS TEXT), -9007199254740993)")
      database.exec("INSERT INTO t VALUES (50, 'gone', 0); DELETE FROM t WHERE id = 50")
      database.exec('CREATE TABLE u (k TEXT); INSERT INTO u VALUES (NULL)')
      reschemed(database, 'u', 'k TEXT', 'k TEXT NOT NULL')
    })
    expect(b.mend()).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT id, hex(note) AS note, CAST(n AS TEXT) AS n FROM t')).toEqual([
      { id: 1, note: '61FF62', n: '9223372036854775807' },
      { id: 2, note: '610062', n: '-9007199254740993' },
    ])
    expect(b.ask('SELECT seq FROM sqlite_sequence')).toEqual([{ seq: 50 }])
    expect(b.ask('PRAGMA application_id')).toEqual([{ application_id: 1234 }])
  })

  test('an older row of the snapshot whose number another has by now', () => {
    const b = bench()
    const snapshot = `${b.path}.snapshot`
    b.by((database) => {
      database.exec('CREATE TABLE t (k TEXT PRIMARY KEY, note TEXT)')
      database.exec('BEGIN')
      oneOf(200, (n) => database.exec(`INSERT INTO t VALUES ('k${n}', 'row ${n}. ${'x'.repeat(300)}')`))
      database.exec('COMMIT')
      database.prepare('VACUUM INTO ?').run(snapshot)
    })
    const other = opened(snapshot, false)
    // As VACUUM may number them.
    other.exec('UPDATE t SET rowid = rowid + 1000')
    other.exec('UPDATE t SET rowid = 1201 - rowid')
    other.close()
    scribble(b.path, pagesWith(b.path, 'row 100. ')[0]!)
    expect(b.mend({ snapshot })).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT count(*) AS n FROM t')).toEqual([{ n: 200 }])
  })
})

describe.runIf(hasSqlite())('rows that point nowhere', () => {
  test('in a table without row numbers, whose link may be empty, or must not', () => {
    const b = bench()
    b.by((database) => {
      database.exec('CREATE TABLE parent (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID')
      database.exec(
        'CREATE TABLE child (k TEXT PRIMARY KEY, a TEXT, b TEXT, FOREIGN KEY (a, b) REFERENCES parent ON DELETE CASCADE) WITHOUT ROWID',
      )
      database.exec(
        'CREATE TABLE loose (k TEXT PRIMARY KEY, c TEXT REFERENCES child(k) ON DELETE SET NULL) WITHOUT ROWID',
      )
      database.exec(
        'CREATE TABLE strict (k TEXT PRIMARY KEY, c TEXT NOT NULL REFERENCES child(k) ON DELETE SET NULL) WITHOUT ROWID',
      )
      database.exec("INSERT INTO parent VALUES ('p', 'q')")
      database.exec(
        "INSERT INTO child VALUES ('here', 'p', 'q'), ('lost', 'p', 'nobody'), ('free', NULL, 'q')",
      )
      database.exec("INSERT INTO loose VALUES ('one', 'here'), ('two', 'lost')")
      database.exec("INSERT INTO strict VALUES ('one', 'here'), ('two', 'lost'), ('big', 'nobody')")
      database.exec('CREATE TABLE numbered (id INTEGER PRIMARY KEY, c TEXT REFERENCES child(k), n INTEGER)')
      database.exec("INSERT INTO numbered VALUES (1, 'here', 1), (2, 'nobody', 9223372036854775807)")
    })
    expect(b.mend()).toMatchObject({ is: 'mended' })
    expect(b.ask('SELECT k FROM child')).toEqual([{ k: 'free' }, { k: 'here' }])
    expect(b.ask('SELECT * FROM loose')).toEqual([
      { k: 'one', c: 'here' },
      { k: 'two', c: null },
    ])
    expect(b.ask('SELECT k FROM strict')).toEqual([{ k: 'one' }])
    expect(b.ask('SELECT id FROM numbered')).toEqual([{ id: 1 }])
    expect(b.account()).toHaveLength(5)
    expect(b.account()).toContainEqual({
      table: 'child',
      why: 'its row in parent is gone',
      row: { k: 'lost', a: 'p', b: 'nobody' },
    })
    expect(b.account()).toContainEqual({
      table: 'numbered',
      why: 'its row in child is gone',
      row: { id: 2, c: 'nobody', n: '9223372036854775807' },
    })
  })
})

describe.runIf(hasSqlite())('a large database', () => {
  const host = compiledHost()

  test('whose first page is gone is never held in memory', () => {
    const b = bench()
    const snapshot = `${b.path}.snapshot`
    b.by((database) => {
      database.exec(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
      )
    })
    copyFileSync(b.path, snapshot)
    // Of no length on the disk.
    truncateSync(b.path, 3 * 1024 ** 3)
    const fd = openSync(b.path, 'r+')
    writeSync(fd, Buffer.alloc(100, 0xff))
    closeSync(fd)
    const said = runModule(`
      import { accountAt } from ${JSON.stringify(host('sqlite-account.js'))}
      import { salvage } from ${JSON.stringify(host('sqlite-salvage.js'))}
      const [from, to, snapshot] = ${JSON.stringify([b.path, `${b.path}.fresh`, snapshot])}
      const did = []
      salvage({ from, to, snapshot, vital: ['t'] }, accountAt(to + '.account'), did)
      console.log(JSON.stringify({ did, kib: process.resourceUsage().maxRSS }))
    `) as { readonly did: string[]; readonly kib: number }
    expect(said.did).toEqual([
      '2 rows of 1 tables carried over',
      'its first page came from the newest snapshot',
    ])
    expect(said.kib).toBeLessThan(300 * 1024)
  })
})

test.runIf(hasSqlite())(
  'an earlier database that cannot be put beside it is told by what stood in the way',
  () => {
    const [earlier, now] = [bench(), bench()]
    earlier.by((database) =>
      database.exec('CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES (1, 2)'),
    )
    now.by((database) =>
      database.exec(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v); CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'not this one'); END",
      ),
    )
    const join = { from: earlier.path, only: null, derived: [], keys: null, vital: ['t'] }
    expect(now.mend({ join })).toMatchObject({ is: 'cannot', why: expect.stringContaining('not this one') })
  },
)
