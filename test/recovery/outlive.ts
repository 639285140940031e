/** One plan made by hand, and its undoing, cut off at every change. */
import { expect } from 'vitest'
import { readRepairs } from '../../src/recovery/journal.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import {
  assertAccountedFor,
  assertNothingLeftOver,
  assertNothingLost,
  everyOutage,
  expected,
  repairByHand,
  siteOn,
  type Story,
  undoByHand,
  users,
} from './bench.ts'

export async function outlive(
  story: Story,
  depth: number,
): Promise<{ readonly states: number; readonly outages: number }> {
  const { refuseLinks, noExchange } = story
  const start = CrashDisk.of(story.input, {
    ...(refuseLinks && { refuseLinks }),
    ...(noExchange && { noExchange }),
  })
  const input = start.tree()
  const closed = async (disk: CrashDisk): Promise<void> => {
    assertNothingLeftOver(disk.tree())
    const repairs = await readRepairs(siteOn(disk))
    expect(repairs.filter((repair) => repair.end === undefined)).toEqual([])
  }

  let repaired: CrashDisk | undefined
  const forth = await everyOutage(
    start,
    async (disk) => void (await repairByHand(siteOn(disk), story.rounds)),
    {
      afterOutage: async (disk) => await assertAccountedFor(input, disk),
      atEnd: async (disk) => {
        expect(users(disk.tree(), 'content')).toEqual(expected(story))
        await assertAccountedFor(input, disk)
        await closed(disk)
        repaired ??= disk
      },
    },
    depth,
  )

  const { id } = (await readRepairs(siteOn(repaired!)))[0]!
  const all = new Map([...repaired!.tree()].filter(([path]) => !path.includes('/supervise/')))
  const back = await everyOutage(
    repaired!,
    async (disk) => await undoByHand(siteOn(disk), id),
    {
      afterOutage: async (disk) => {
        await assertAccountedFor(all, disk)
        assertNothingLost(input, disk)
      },
      atEnd: async (disk) => {
        // Without hard links the content comes back as a copy: its time is the copy's.
        const how = refuseLinks === undefined ? 'with mode and time' : 'with mode'
        expect(users(disk.tree(), how)).toEqual(users(input, how))
        await closed(disk)
      },
    },
    depth,
  )
  return { states: forth.states + back.states, outages: forth.outages + back.outages }
}
