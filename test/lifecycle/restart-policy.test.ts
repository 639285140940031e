/** Properties of the restart policy, for every policy and every number of failures. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  delayMs,
  fullBudgets,
  overspent,
  spend,
  wasGood,
  type RestartPolicy,
  type Spending,
} from '../../src/lifecycle/restart-policy.ts'

const limit = fc.integer({ min: 0, max: 1000 })
const time = fc.integer({ min: 0, max: 365 * 24 * 3_600_000 })
const policies: fc.Arbitrary<RestartPolicy> = fc.record({
  limits: fc.record({ crashes: limit, recoveries: limit, restarts: limit, contentions: limit }),
  backoffMs: time,
  maxBackoffMs: time,
  mostQuietMs: time,
  goodRunMs: time,
})
const failures = fc.integer({ min: 0, max: 100_000 })
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const whats = fc.constantFrom<Spending>('crashes', 'recoveries', 'restarts', 'contentions')

test('no wait before the first attempt after a failure; later ones are whole, never negative, never beyond cap and jitter', () => {
  fc.assert(
    fc.property(policies, failures, chance, (policy, count, luck) => {
      const ms = delayMs(count, policy, luck)
      expect(Number.isSafeInteger(ms)).toBe(true)
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(ms).toBeLessThanOrEqual(Math.round(policy.maxBackoffMs * 1.1))
      if (count <= 1) expect(ms).toBe(0)
    }),
  )
})

test('what the gateway would hold against the next start is waited for, and no wait becomes shorter by it', () => {
  fc.assert(
    fc.property(policies, failures, chance, time, (policy, count, luck, quietMs) => {
      const [plain, ms] = [delayMs(count, policy, luck), delayMs(count, policy, luck, quietMs)]
      expect(ms).toBe(Math.max(plain, Math.min(quietMs, policy.mostQuietMs)))
    }),
  )
})

test('jitter adds up to a tenth and never takes away', () => {
  fc.assert(
    fc.property(policies, failures, chance, (policy, count, luck) => {
      const base = delayMs(count, policy, 0)
      const ms = delayMs(count, policy, luck)
      expect(ms).toBeGreaterThanOrEqual(base)
      expect(ms).toBeLessThanOrEqual(Math.round(base * 1.1))
    }),
  )
})

test('without jitter, more failures never wait less, and each wait doubles until the cap', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 2, max: 100_000 }), (policy, count) => {
      const [one, next] = [delayMs(count, policy, 0), delayMs(count + 1, policy, 0)]
      expect(next).toBeGreaterThanOrEqual(one)
      if (next < policy.maxBackoffMs && count < 30) expect(next).toBe(2 * one)
    }),
  )
})

test('a budget is overspent after exactly one more than its limit, whatever else is spent', () => {
  fc.assert(
    fc.property(policies, whats, fc.array(whats, { maxLength: 50 }), (policy, what, others) => {
      let budgets = fullBudgets
      for (const other of others) if (other !== what) budgets = spend(budgets, other, policy)
      for (let times = 0; times <= policy.limits[what]; times++) {
        expect(overspent(budgets, what, policy)).toBe(false)
        budgets = spend(budgets, what, policy)
      }
      expect(overspent(budgets, what, policy)).toBe(true)
      expect(spend(budgets, what, policy)[what]).toBe(budgets[what])
    }),
    { numRuns: 30 },
  )
})

test('only a child that was ready, for long enough, had a good run', () => {
  fc.assert(
    fc.property(policies, time, time, (policy, readyAt, lived) => {
      expect(wasGood(null, readyAt + lived, policy)).toBe(false)
      expect(wasGood(readyAt, readyAt + lived, policy)).toBe(lived >= policy.goodRunMs)
    }),
  )
})
