/** What the disk refuses is told as the disk's affair, not as a defect. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hasSqlite, mayPass, opened } from '../../src/host/sqlite.ts'
import { workshopIn } from '../../src/host/sqlite-workshop.ts'

const folder = mkdtempSync(join(tmpdir(), 'supervise-workshop-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.skipIf(!hasSqlite())('a file where the workshop belongs', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const workshop = workshopIn(join(file, 'workshop'))!
  const refused = { name: 'DiskError', code: 'ENOTDIR' }
  expect(() => workshop.sweep()).toThrow(expect.objectContaining(refused))
  const mending = { json: [], snapshot: null, filled: [], orphans: { kept: [], emptied: [] } }
  await expect(workshop.mend(join(folder, 'db'), mending as never)).rejects.toMatchObject(refused)
})

test.skipIf(!hasSqlite())('a database that finds no room says so in a code of its own', () => {
  const database = opened(join(folder, 'full'), false)
  const thrown = (sql: string): unknown => {
    try {
      return database.exec(sql)
    } catch (error) {
      return error
    }
  }
  try {
    database.exec('CREATE TABLE t (x); PRAGMA max_page_count=2')
    expect(mayPass(thrown('INSERT INTO t VALUES (zeroblob(100000))'))).toBe(true)
    expect(mayPass(thrown('SELECT y FROM t'))).toBe(false)
  } finally {
    database.close()
  }
  expect(mayPass(Object.assign(new Error(), { code: 'ENOSPC' }))).toBe(true)
  expect(mayPass(new TypeError())).toBe(false)
})
