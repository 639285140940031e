/**
 * Every kind of step, alone and together, on good and on poor file systems, and its undoing: with a power cut
 * or a kill before every change of the disk, in every way a disk loses things, and again in the recovery from
 * each of them.  SUPERVISE_TEST_DEPTH sets how many follow each other.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3 and 4.
 */
import { afterAll, describe, test } from 'vitest'
import { outlive } from './outlive.ts'
import { stories } from './stories.ts'
import { tally } from './survive.ts'

describe('no instant costs a byte (2, 3, 4)', () => {
  const sum = tally()
  afterAll(() => sum.print('plans and their undoing'))
  test.each(stories)('$name', async (story) => {
    // Two cuts in a plan of many steps take a quarter of a minute: every-row-twice.slow.test.ts has them.
    const depth = story.isLong === true ? 1 : 2
    sum.add(await outlive(story, Number(process.env['SUPERVISE_TEST_DEPTH'] ?? depth)))
  })
})
