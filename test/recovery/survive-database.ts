/** The whole of recover() on one damaged database, cut off at every change. */
import { expect } from 'vitest'
import { inspect } from '../../src/recovery/inspect.ts'
import { readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { assertAccountedFor, assertNothingLeftOver, everyOutage, users } from './bench.ts'
import { agent, contentOn, databaseSite, type Row } from './damaged-databases.ts'
import { look } from './survive.ts'

export async function surviveDatabase(
  row: Row,
  depth: number,
): Promise<{ readonly states: number; readonly outages: number }> {
  const start = CrashDisk.of(row.files())
  const input = start.tree()
  const on = (disk: CrashDisk) => databaseSite(disk, row)
  const seen = await inspect(on(start), look)
  expect(new Set(seen.inspection.findings.map((finding) => finding.kind))).toEqual(new Set([row.kind]))
  const undisturbed = start.copy()
  await recover(on(undisturbed), look)
  const wanted = contentOn(undisturbed)

  const old = input.get(agent)?.bytes
  const oldLog = input.get(`${agent}-wal`)?.bytes
  return await everyOutage(
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
        expect(contentOn(disk)).toEqual(wanted)
        const repairs = await readRepairs(on(disk))
        expect(repairs.map((repair) => repair.end?.outcome)).toEqual(['confirmed'])
        expect(await undo(on(disk), repairs[0]!.id, 'test')).toMatchObject({ is: 'undone' })
        expect(users(disk.tree(), 'with mode and time')).toEqual(users(input, 'with mode and time'))
      },
    },
    depth,
  )
}
