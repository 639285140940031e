/**
 * The repairs of databases, with a power cut or a kill before every change of the disk, in every way a disk loses
 * things.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3 and 5; and the one rule of sidecars: a log is never
 * beside a database that it was not written for.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { assertAccountedFor, assertNothingLeftOver, everyOutage, siteOn, users } from './bench.ts'
import { agent, databasesOn, rows } from './damaged-databases.ts'
import { look, tally } from './survive.ts'

describe.runIf(hasSqlite())('every outage in the repair of a database (2, 3, 5)', () => {
  const sum = tally()
  afterAll(() => sum.print('repairs of databases'))

  test.each(rows)(
    '$name',
    async ({ kind, files }) => {
      const start = CrashDisk.of(files())
      const input = start.tree()
      const on = (disk: CrashDisk) => siteOn(disk, { installed: null, databases: databasesOn(disk) })
      const seen = await inspect(on(start), look)
      expect(new Set(seen.inspection.findings.map((finding) => finding.kind))).toEqual(new Set([kind]))
      const old = input.get(agent)?.bytes
      const oldLog = input.get(`${agent}-wal`)?.bytes
      const count = await everyOutage(
        start,
        async (disk) => {
          const recovery = await recover(on(disk), look)
          expect(['consistent', 'repaired'], JSON.stringify(recovery, null, 1)).toContain(recovery.is)
        },
        {
          afterOutage: async (disk) => {
            await assertAccountedFor(input, disk)
            const now = disk.tree()
            const isSame = (name: string, was: Buffer | undefined): boolean =>
              was === undefined ? !now.has(name) : (now.get(name)?.bytes.equals(was) ?? false)
            const isOld = !now.has(agent) || isSame(agent, old)
            if (oldLog !== undefined) expect(isOld || !isSame(`${agent}-wal`, oldLog)).toBe(true)
          },
          atEnd: async (disk) => {
            assertNothingLeftOver(disk.tree())
            await assertAccountedFor(input, disk)
            expect((await inspect(on(disk), look)).inspection.verdict).toBe('consistent')
            const repairs = await readRepairs(on(disk))
            expect(repairs.map((repair) => repair.end?.outcome)).toEqual(['confirmed'])
            expect(await undo(on(disk), repairs[0]!.id, 'test')).toMatchObject({ is: 'undone' })
            expect(users(disk.tree(), 'with mode and time')).toEqual(users(input, 'with mode and time'))
          },
        },
        1,
      )
      sum.add(count)
    },
    120_000,
  )
})
