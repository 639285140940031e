/**
 * Power cuts and kills before every change of the disk, in every way a disk loses things, and again in the
 * recovery from each of them; SUPERVISE_TEST_DEPTH sets how many follow each other (2).
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3 and 4.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { readRepairs } from '../../src/recovery/journal.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import {
  assertAccountedFor,
  assertNothingLeftOver,
  everyOutage,
  expected,
  repairByHand,
  siteOn,
  undoByHand,
  users,
} from './bench.ts'
import { stories } from './stories.ts'

const DEPTH = Number(process.env['SUPERVISE_TEST_DEPTH'] ?? 2)

describe('no instant costs a byte (2, 3, 4)', () => {
  const sum = { stories: 0, states: 0, outages: 0 }
  const count = (more: { states: number; outages: number }): void => {
    sum.stories++
    sum.states += more.states
    sum.outages += more.outages
  }
  afterAll(() => {
    console.log(
      `${sum.stories} stories, ${sum.outages} outages and kills, ${sum.states} different states recovered`,
    )
  })

  test.each(stories)('$name', async (story) => {
    const { refuseLinks, noExchange } = story
    const options = { ...(refuseLinks && { refuseLinks }), ...(noExchange && { noExchange }) }
    const start = CrashDisk.of(story.input, options)
    const input = start.tree()
    const closed = async (disk: CrashDisk): Promise<void> => {
      assertNothingLeftOver(disk.tree())
      const repairs = await readRepairs(siteOn(disk))
      expect(repairs.filter((repair) => repair.end === undefined)).toEqual([])
    }
    let repaired: CrashDisk | undefined
    count(
      await everyOutage(
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
        DEPTH,
      ),
    )

    const { id } = (await readRepairs(siteOn(repaired!)))[0]!
    const all = repaired!.tree()
    count(
      await everyOutage(
        repaired!,
        async (disk) => await undoByHand(siteOn(disk), id),
        {
          afterOutage: async (disk) =>
            await assertAccountedFor(
              new Map([...all].filter(([path]) => !path.includes('/supervise/'))),
              disk,
            ),
          atEnd: async (disk) => {
            const how = refuseLinks === undefined ? 'with mode and time' : 'with mode'
            expect(users(disk.tree(), how)).toEqual(users(input, how))
            await closed(disk)
          },
        },
        DEPTH,
      ),
    )
  })
})
