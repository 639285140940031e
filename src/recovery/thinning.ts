/**
 * Which generations of one file stay: the newest five, then the newest of each hour for a day, then the newest of each
 * day for a week.  Nothing else, and never more bytes in all than `mostBytes`, but for the newest two.
 */
export interface Aged {
  /** ms since the epoch. */
  readonly takenAt: number
  readonly bytes: number
}

const newest = 5
const always = 2
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const weekMs = 7 * dayMs
export const mostGenerations = newest + 25 + 8
const mostBytes = 256 * 1024 * 1024

/** Newest first, in and out. */
export function worthKeeping<G extends Aged>(generations: readonly G[], now: number): readonly G[] {
  const kept: G[] = []
  const periods = new Set<string>()
  let bytes = 0
  for (const [place, one] of generations.entries()) {
    const period = periodOf(one.takenAt, now)
    const isKept = place < newest || (period !== undefined && !periods.has(period))
    if (period !== undefined) periods.add(period)
    if (!isKept || kept.length === mostGenerations) continue
    if (place >= always && bytes + one.bytes > mostBytes) break
    bytes += one.bytes
    kept.push(one)
  }
  return kept
}

/** A time ahead of the clock (it was set back) is as good as now. */
function periodOf(takenAt: number, now: number): string | undefined {
  const age = now - takenAt
  if (age < dayMs) return `hour ${Math.floor(takenAt / hourMs)}`
  return age < weekMs ? `day ${Math.floor(takenAt / dayMs)}` : undefined
}
