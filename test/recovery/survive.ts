/** The whole of recover() on one damaged state, cut off at every change. */
import { expect } from 'vitest'
import { inspect } from '../../src/recovery/inspect.ts'
import { readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { undo } from '../../src/recovery/undo.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import {
  assertAccountedFor,
  assertKeptAsRecorded,
  assertNothingLeftOver,
  everyOutage,
  siteOn,
  users,
} from './bench.ts'
import type { Row } from './damaged.ts'

export const look = { owed: 'another-boot', trigger: 'test' } as const

export async function survive(
  { kind, files, machine }: Row,
  depth: number,
): Promise<{ readonly states: number; readonly outages: number }> {
  const start = CrashDisk.of(files)
  const input = start.tree()
  const seen = await inspect(siteOn(start, machine), look)
  expect(seen.inspection.findings.map((finding) => finding.kind)).toContain(kind)

  let ends = 0
  const count = await everyOutage(
    start,
    async (disk) => {
      const recovery = await recover(siteOn(disk, machine), look)
      expect(['consistent', 'repaired'], JSON.stringify(recovery, null, 1)).toContain(recovery.is)
    },
    {
      afterOutage: async (disk) => await assertAccountedFor(input, disk),
      atEnd: async (disk) => {
        ends++
        assertNothingLeftOver(disk.tree())
        await assertAccountedFor(input, disk)
        const site = siteOn(disk, machine)
        expect((await inspect(site, look)).inspection.verdict).toBe('consistent')
        const repairs = await readRepairs(site)
        expect(repairs.map((repair) => repair.end?.outcome)).toEqual(['confirmed'])
        assertKeptAsRecorded(input, disk.tree(), repairs)
        expect(await undo(site, repairs[0]!.id, 'test')).toMatchObject({ is: 'undone' })
        expect(users(disk.tree(), 'with mode and time')).toEqual(users(input, 'with mode and time'))
      },
    },
    depth,
  )
  expect(ends).toBeGreaterThan(0)
  return count
}

export function tally(): { add(more: { states: number; outages: number }): void; print(what: string): void } {
  let [cases, states, outages] = [0, 0, 0]
  return {
    add: (more) => {
      cases++
      states += more.states
      outages += more.outages
    },
    print: (what) =>
      console.log(`${cases} ${what}: ${outages} outages and kills, ${states} different states recovered`),
  }
}
