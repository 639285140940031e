import type { Finding, Kept } from './finding.ts'

export type Store = 'file' | 'sqlite' | 'none' | 'unknown'

/** One look, nothing changed.  `findings` are sorted: loses, blocks, benign; then by path. */
export interface Inspection {
  readonly store: Store
  /** The OpenClaw version that last wrote here, where the state says so. */
  readonly version: string | null
  readonly verdict: 'consistent' | 'repairable' | 'retry-later' | 'needs-operator'
  readonly findings: readonly Finding[]
  readonly counts: { readonly sessions: number; readonly transcripts: number; readonly files: number; readonly read: number }
}

/** What a recovery came to.  `consistent` and `repaired` were confirmed by an inspection that began after the last change. */
export type Recovery = {
  /** Null when nothing was changed. */
  readonly repairId: string | null
  /** What was found before anything was changed. */
  readonly found: readonly Finding[]
  readonly kept: readonly Kept[]
  readonly inspection: Inspection
} & (
  | { readonly is: 'consistent' }
  | { readonly is: 'repaired' }
  | { readonly is: 'retry-later'; readonly evidence: string }
  | { readonly is: 'needs-operator'; readonly evidence: string; readonly command: string | null }
)
