/** What is made of a database is verified before it bears its name; what cannot be made sound is not made. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasSqlite, opened, snapshotOf } from '../../src/host/sqlite.ts'
import { mendCopy, type Mending } from '../../src/host/sqlite-mend.ts'

const mending: Mending = { snapshot: null, json: [], vital: [], parents: [] }
const pageBytes = 512

function room(): string {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-sqlite-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

function make(path: string, ...statements: string[]): void {
  const database = opened(path, false)
  for (const sql of [`PRAGMA page_size=${pageBytes}`, ...statements]) database.exec(sql)
  database.close()
}

function rootOf(path: string, table: string): number {
  const database = opened(path, false)
  const row = database.prepare('SELECT rootpage AS n FROM sqlite_master WHERE name = ?').get(table)
  database.close()
  return Number(row!['n'])
}

/** Every row on one page, and that page garbage. */
function withoutAnyRow(path: string): void {
  make(
    path,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)',
    "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
  )
  const at = (rootOf(path, 't') - 1) * pageBytes
  writeFileSync(path, readFileSync(path).fill(0xff, at, at + pageBytes))
}

describe.runIf(hasSqlite())('a database', () => {
  test('that is damaged is copied into no snapshot', async () => {
    const folder = room()
    const path = join(folder, 'damaged')
    withoutAnyRow(path)
    expect(await snapshotOf(path, folder, join(folder, 'snapshot'))).toMatch(/\w/)
    expect(readdirSync(folder)).toEqual(['damaged'])
  })

  test('that is damaged still after it was mended is not made', () => {
    const folder = room()
    const path = join(folder, 'orphans')
    make(
      path,
      'PRAGMA foreign_keys=OFF',
      'CREATE TABLE parent (id INTEGER PRIMARY KEY, size INTEGER CHECK (size > 0))',
      'CREATE TABLE child (parent INTEGER REFERENCES parent (id))',
      'INSERT INTO child VALUES (7)',
    )
    const before = readFileSync(path)
    const to = join(folder, 'mended')
    // A parent that its own table does not allow.
    const parents = [
      'PRAGMA ignore_check_constraints=ON',
      'INSERT INTO parent VALUES (7, -1)',
      'PRAGMA ignore_check_constraints=OFF',
    ]
    expect(mendCopy(path, folder, to, { ...mending, parents })).toEqual({
      is: 'cannot',
      why: expect.stringContaining('still damaged after the repair: CHECK constraint failed in parent'),
      canPass: false,
    })
    expect(existsSync(to)).toBe(false)
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(mendCopy(path, folder, to, mending)).toMatchObject({
      is: 'mended',
      did: [expect.stringContaining('taken out, and kept')],
    })
  })

  test('of which no row of a vital table can be read is not made into an empty one', () => {
    const folder = room()
    const path = join(folder, 'damaged')
    withoutAnyRow(path)
    const to = join(folder, 'mended')
    expect(mendCopy(path, folder, to, { ...mending, vital: ['t'] })).toEqual({
      is: 'cannot',
      why: 'nothing of t can be read any more, and no snapshot has it',
      canPass: false,
    })
    expect(existsSync(to)).toBe(false)
    expect(mendCopy(path, folder, to, mending)).toMatchObject({ is: 'mended' })
  })
})
