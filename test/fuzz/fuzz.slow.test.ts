/**
 * Sound and crashed states, changed at random, recovered, recovered again, and undone; what must hold is told in
 * oracle.ts.  SUPERVISE_FUZZ_SEED and SUPERVISE_FUZZ_CASES choose others than these: see scripts/fuzz.
 */
import { expect, test } from 'vitest'
import { campaign } from './campaign.ts'

const number = (name: string, fallback: number): number => {
  const text = process.env[name]
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`${name} is ${JSON.stringify(text)}; expected a whole number`)
  return value
}

const seed = number('SUPERVISE_FUZZ_SEED', 1)
const cases = number('SUPERVISE_FUZZ_CASES', 25_000)

test(`${cases} random states from seed ${seed}`, { timeout: Math.max(240_000, cases * 60) }, async () => {
  const began = performance.now()
  const count = await campaign(seed, cases, { tell: (text) => console.log(text) })
  const kinds = Object.entries(count.kinds).sort(([, one], [, other]) => other - one)
  console.log(
    `${count.cases} cases (${count.onRealDisk} on the real disk) in ${((performance.now() - began) / 1000).toFixed(0)} s: ${JSON.stringify(count.verdicts)}; ${kinds.length} kinds of damage: ${kinds.map(([kind, times]) => `${kind} ${times}`).join(', ')}`,
  )
  expect(count.failures.join('\n\n')).toBe('')
  // A fuzzer that only ever meets one verdict asks nothing.
  if (cases >= 1000) {
    expect(Object.keys(count.verdicts).sort()).toEqual(['consistent', 'needs-operator', 'repaired'])
    expect(kinds.length).toBeGreaterThan(15)
  }
})
