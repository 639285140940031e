/**
 * What a look has found so far, and what would be done about it, kept so that each path is changed by one step:
 * several defects of one file are composed here.
 */
import type { FileStat } from '../host/disk.ts'
import { inside } from '../openclaw/posix-path.ts'
import type { Finding, Kind, Severity } from './finding.ts'
import type { Because, Remedy, Splice } from './seen.ts'
import type { Deaths, Turn } from './turns.ts'

/**
 * The order in which remedies happen: an old log goes before the database that it does not belong to comes; content comes back before anything names it, and evidence (a lock, a pointer)
 * goes only after what replaces it is on disk.
 */
export type Rank = 'sidecar' | 'content' | 'index' | 'pointer' | 'evidence'
const ranks: readonly Rank[] = ['sidecar', 'content', 'index', 'pointer', 'evidence']
const severities: readonly Severity[] = ['loses', 'blocks', 'benign']

export interface Found {
  readonly kind: Kind
  readonly severity: Severity
  /** Absolute. */
  readonly path: string
  readonly evidence: string
  readonly repair: string | null
  readonly without?: 'retry-later' | 'needs-operator'
  readonly command?: string
  readonly sessions?: NonNullable<Finding['sessions']>
}

export type Change = Remedy extends infer R ? (R extends Remedy ? Omit<R, 'because' | 'path'> : never) : never

export class Notebook {
  readonly findings: Finding[] = []
  readonly #remedies = new Map<string, { readonly rank: Rank; remedy: Remedy }>()
  readonly stateDir: string
  files = 0
  read = 0
  sessions = 0
  transcripts = 0
  version: string | null = null
  /** Of earlier gateways, soon after they resumed a turn. */
  readonly deaths: Deaths
  /** That the next gateway will resume. */
  readonly turns: Turn[] = []

  constructor(stateDir: string, deaths: Deaths = new Map()) {
    this.stateDir = stateDir
    this.deaths = deaths
  }

  /** Relative to the state directory where it lies inside. */
  shown(path: string): string {
    return path === this.stateDir ? '.' : (inside(this.stateDir, path) ?? path)
  }

  found(found: Found): Because {
    const path = this.shown(found.path)
    this.findings.push({ ...found, path })
    return { kind: found.kind, path }
  }

  /** A later change of the same path is left out: the first is the stronger one, and the next look finds the rest. */
  remedy(rank: Rank, path: string, because: readonly Because[], change: Change): void {
    const there = this.#remedies.get(path)
    if (there === undefined) this.#remedies.set(path, { rank, remedy: { ...change, path, because } })
    else there.remedy = { ...there.remedy, because: [...there.remedy.because, ...because] }
  }

  remedies(): Remedy[] {
    return [...this.#remedies.values()]
      .toSorted(
        (a, b) => ranks.indexOf(a.rank) - ranks.indexOf(b.rank) || (a.remedy.path < b.remedy.path ? -1 : 1),
      )
      .map(({ remedy }) => remedy)
  }

  sorted(): Finding[] {
    return this.findings.toSorted(
      (a, b) =>
        severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
        (a.path < b.path ? -1 : a.path > b.path ? 1 : 0) ||
        (a.kind < b.kind ? -1 : 1),
    )
  }
}

export const spliced = (
  base: { readonly path: string; readonly stat: FileStat } | null,
  splices: readonly Splice[],
  found: FileStat | null,
): Extract<Change, { do: 'splice' }> => ({
  do: 'splice',
  base,
  splices,
  found,
  mode: found?.mode ?? 0o600,
})
