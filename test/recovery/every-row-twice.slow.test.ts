/** As every-row.test.ts, with a second cut or kill at every change of the recovery from the first. */
import { afterAll, describe, test } from 'vitest'
import { rows } from './damaged.ts'
import { stories } from './stories.ts'
import { outlive } from './outlive.ts'
import { survive, tally } from './survive.ts'

const DEPTH = Number(process.env['SUPERVISE_TEST_DEPTH'] ?? 2)

describe('every row of the damage table survives two outages', () => {
  const sum = tally()
  afterAll(() => sum.print('rows'))
  test.each(rows)('$name', async (row) => sum.add(await survive(row, DEPTH)))
})

describe('every plan survives two outages, and its undo two', () => {
  const sum = tally()
  afterAll(() => sum.print('plans and their undoing'))
  test.each(stories)('$name', async (story) => sum.add(await outlive(story, DEPTH)))
})
