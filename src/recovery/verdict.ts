import type { Finding, Kept, Kind } from './finding.ts'

export type Store = 'file' | 'sqlite' | 'migrating' | 'none' | 'newer' | 'unknown'

/** The newest schema of each kind of database; null where there is none. */
export interface Schema {
  readonly state: number | null
  readonly agent: number | null
}

/** One look, nothing changed.  `findings` are sorted: loses, blocks, benign; then by path. */
export interface Inspection {
  readonly store: Store
  /** The OpenClaw version that last wrote here, where the state says so. */
  readonly version: string | null
  /** Null where there are no databases. */
  readonly schema: Schema | null
  readonly verdict: 'consistent' | 'repairable' | 'retry-later' | 'needs-operator'
  readonly findings: readonly Finding[]
  readonly counts: {
    readonly sessions: number
    readonly transcripts: number
    readonly files: number
    readonly read: number
  }
}

/** What a recovery came to.  `consistent` and `repaired` were confirmed by an inspection that began after the last change. */
export type Recovery = {
  /** Null when nothing was changed. */
  readonly repairId: string | null
  /** What was found before anything was changed. */
  readonly found: readonly Finding[]
  readonly kept: readonly Kept[]
  /** Of each database that was made anew: what of it was carried over and what was not, in a line each. */
  readonly did: readonly string[]
  readonly inspection: Inspection
  /** What could not be done beside it (a generation to restore from, later): told, and no reason to hold anything back. */
  readonly trouble: readonly string[]
} & (
  | { readonly is: 'consistent' }
  | { readonly is: 'repaired' }
  | { readonly is: 'retry-later'; readonly evidence: string }
  | { readonly is: 'needs-operator'; readonly evidence: string; readonly command: string | null }
)

/** What a recovery is asked for: `recover(site, ask): Promise<Recovery>`. */
export interface Ask {
  /**
   * The mark "recovery owed": none, set in this boot (what changed since the checkpoint is read whole; the kernel
   * vouches for the rest), or set in another (what was never synced may be gone: nothing is trusted).
   */
  readonly owed: 'no' | 'this-boot' | 'another-boot'
  /** Of the gateway before: it crashed within a minute of being ready, or ran longer, or neither is known. */
  readonly lastRun?: 'died-soon' | 'lived' | 'unknown'
  /** Who asked, in a word or two, for the journal: `start`, `crash`, `operator`. */
  readonly trigger: string
  /** Checked between steps.  What was begun is finished by the next recovery. */
  readonly signal?: AbortSignal
}

/** What a recovery would do, nothing changed: `dryRun(site, { owed }): Promise<DryRun>`. */
export interface DryRun {
  readonly inspection: Inspection
  /** Repairs that a crash of the supervisor cut short: they would be finished first. */
  readonly cutShort: readonly string[]
  readonly changes: readonly {
    readonly path: string
    readonly does: 'write' | 'create' | 'set-aside' | 'put-back'
  }[]
}

/** `undo(site, id, trigger): Promise<Undone>`.  Refused means that nothing was changed. */
export type Undone =
  | { readonly is: 'undone'; readonly repairId: string; readonly restored: readonly string[] }
  | { readonly is: 'refused'; readonly evidence: string; readonly command: string | null }
  | { readonly is: 'retry-later'; readonly evidence: string }

/** One line of the history: `repairs(site): Promise<readonly RepairRecord[]>`, oldest first. */
export interface RepairRecord {
  readonly id: string
  /** ms since the epoch. */
  readonly at: number
  readonly trigger: string
  /** For an undo: the repair that it takes back. */
  readonly undoes: string | null
  readonly kinds: readonly { readonly kind: Kind; readonly count: number }[]
  readonly kept: readonly Kept[]
  /** As in Recovery. */
  readonly did: readonly string[]
  readonly keptBytes: number
  /** `abandoned`: somebody else changed a file between its steps; what was done is named by `undo`. */
  readonly state: 'done' | 'cut-short' | 'abandoned' | 'undone'
}
