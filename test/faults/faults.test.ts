/** The table itself: every fault is still one of this code, and its suites are there. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { faults } from './faults.ts'
import { whyNotApplicable } from './try.ts'

test('each replacement applies to the code as it is, exactly once', () => {
  expect(faults.map(whyNotApplicable).filter((why) => why !== undefined)).toEqual([])
})

test('each has a name of its own and suites that are there', () => {
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length)
  expect(faults.length).toBeGreaterThanOrEqual(25)
  const files = faults.flatMap(({ suites }) => suites.map(({ file }) => file))
  expect(files.filter((file) => !existsSync(new URL(`../../${file}`, import.meta.url)))).toEqual([])
})
