/** What the disk refuses is told as the disk's affair, not as a defect. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
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
