/**
 * Every row of DAMAGE.md, with a power cut or a kill before every change of the disk, in every way a disk loses
 * things.  SUPERVISE_TEST_DEPTH sets how many follow each other; every-row-twice.slow.test.ts has two.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3, 5 and 8.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { inspect } from '../../src/recovery/inspect.ts'
import { recover } from '../../src/recovery/recover.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, users } from './bench.ts'
import { rows } from './damaged.ts'
import { look, survive, tally } from './survive.ts'

describe('every row of the damage table survives every outage (2, 3, 5)', () => {
  const sum = tally()
  afterAll(() => sum.print('rows'))
  test.each(rows)('$name', async (row) => {
    sum.add(await survive(row, Number(process.env['SUPERVISE_TEST_DEPTH'] ?? 1)))
  })
})

test.each(rows)('looking changes nothing (1): $name', async ({ files, machine }) => {
  const disk = CrashDisk.of(files)
  let changes = 0
  disk.beforeChange = () => changes++
  await inspect(siteOn(disk, machine), look)
  expect(changes).toBe(0)
})

test.each(rows)(
  'what is damaged after it was confirmed is not taken on trust (8): $name',
  async ({ files, machine }) => {
    const disk = CrashDisk.of(files)
    await recover(siteOn(disk, machine), look)
    const sound = disk.tree()
    for (const [path, { kind }] of sound)
      if (kind === 'file' && !path.includes('/supervise/')) disk.drop(path)
    for (const [path, content] of Object.entries(files)) disk.put(path, content)
    expect(await recover(siteOn(disk, machine), { ...look, owed: 'no' })).toMatchObject({ is: 'repaired' })
    expect(users(disk.tree(), 'content')).toEqual(users(sound, 'content'))
  },
)
