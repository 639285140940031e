/**
 * When to start again, and when to give up: pure functions of what was already spent.
 *
 * Each budget counts failures since the last good run, in a row and not per period, so a crash loop slower
 * than any period still ends (pm2's "young process" threshold never trips on one). Only a run that stayed
 * ready for `goodRunMs` gives a budget back; one good probe does not.
 */
export interface Budgets {
  /** Children that crashed, hung, or were too slow to start. */
  readonly crashes: number
  /** Recoveries that could not be confirmed for a cause that may pass. */
  readonly recoveries: number
  /** Restarts that the gateway asked for by itself. */
  readonly restarts: number
  /** Children that gave way to another owner. */
  readonly contentions: number
  /** Exit and cause of the last child that failed before it was ever ready. */
  readonly lastFailure: string | null
}

export const fullBudgets: Budgets = {
  crashes: 0,
  recoveries: 0,
  restarts: 0,
  contentions: 0,
  lastFailure: null,
}

export type Spending = 'crashes' | 'recoveries' | 'restarts' | 'contentions'

export interface RestartPolicy {
  /** How many of each are borne; one more is held. */
  readonly limits: Readonly<Record<Spending, number>>
  readonly backoffMs: number
  readonly maxBackoffMs: number
  /** As long as this a start is put off, so that the gateway does not keep its channels down. */
  readonly mostQuietMs: number
  /** A run that was ready for so long was good. */
  readonly goodRunMs: number
}

/** Counts to one beyond the limit and no further: overspent is overspent. */
export const spend = (budgets: Budgets, what: Spending, policy: RestartPolicy): Budgets => ({
  ...budgets,
  [what]: Math.min(budgets[what], policy.limits[what]) + 1,
})

export const overspent = (budgets: Budgets, what: Spending, policy: RestartPolicy): boolean =>
  budgets[what] > policy.limits[what]

/**
 * 0 for the first failure, then doubling up to the cap, plus up to a tenth of jitter; and, within its own bound, never less than
 * `quietMs`, for which the gateway would hold its unclean ends against itself (openclaw/last-words.ts).
 * `chance` is a random number in [0, 1), drawn by the caller so that this stays a function.
 */
export const delayMs = (failures: number, policy: RestartPolicy, chance: number, quietMs = 0): number =>
  Math.max(Math.min(quietMs, policy.mostQuietMs), backoffMs(failures, policy, chance))

function backoffMs(failures: number, policy: RestartPolicy, chance: number): number {
  if (failures <= 1) return 0
  // 2 ** 30 is beyond every cap, and keeps the product finite.
  const base = Math.min(policy.backoffMs * 2 ** Math.min(failures - 2, 30), policy.maxBackoffMs)
  return Math.round(base * (1 + chance / 10))
}

export const wasGood = (readyAt: number | null, now: number, policy: RestartPolicy): boolean =>
  readyAt !== null && now - readyAt >= policy.goodRunMs
