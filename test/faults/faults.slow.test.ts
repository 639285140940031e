/** A sample of the table; with SUPERVISE_FAULTS=all, or a part of a name, others: see scripts/seeded-faults. */
import { expect, test } from 'vitest'
import { faults } from './faults.ts'
import { tryFaults } from './try.ts'

const asked = process.env['SUPERVISE_FAULTS']
const chosen = faults.filter(({ name, sample }) =>
  asked === undefined ? sample : asked === 'all' || asked.split('|').some((part) => name.includes(part)),
)

test(`${chosen.length} of ${faults.length} faults are noticed`, { timeout: 7_200_000 }, async () => {
  expect(chosen.length).toBeGreaterThan(0)
  const outcomes = await tryFaults(chosen, ({ fault, caughtBy, ms }) =>
    console.log(`${fault.name} -> ${caughtBy?.file ?? 'NOBODY'} (${(ms / 1000).toFixed(0)} s)`),
  )
  const survived = outcomes.filter(({ caughtBy }) => caughtBy === undefined)
  console.log(`${outcomes.length - survived.length} of ${outcomes.length} faults noticed`)
  expect(survived.map(({ fault }) => fault.name)).toEqual([])
})
