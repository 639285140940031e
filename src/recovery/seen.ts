/**
 * What one look came to: the public inspection, and beside it what only this room needs: how each finding
 * would be put right, and what a later look may trust.
 */
import type { Checkpoint } from './checkpoint.ts'
import type { Kind } from './finding.ts'
import type { DatabaseSeen } from './database-file.ts'
import type { FileStat } from '../host/disk.ts'
import type { Made } from '../host/sqlite-workshop.ts'
import type { Turn } from './turns.ts'
import type { Inspection } from './verdict.ts'

export interface Seen {
  readonly inspection: Inspection
  /**
   * In the order in which they have to happen.  Never empty when the verdict is `repairable`; may be there
   * beside `consistent`, for benign findings that cost nothing to put right or that the policy asks for.
   */
  readonly remedies: readonly Remedy[]
  /** The databases of the store, where it has any. */
  readonly databases: readonly DatabaseSeen[]
  /** Write it only when this look's verdict was `consistent`, and no remedies were left. */
  readonly checkpoint: Checkpoint
  /** Cut-off turns that the next gateway will resume. */
  readonly turns: readonly Turn[]
}

/** Replace the bytes `from`..`to` of the base by `put`. */
export interface Splice {
  readonly from: number
  readonly to: number
  /** Text of ours, or a range of another file. */
  readonly put:
    string | { readonly path: string; readonly stat: FileStat; readonly from: number; readonly to: number }
}

export interface Because {
  readonly kind: Kind
  readonly path: string
}

/** How a path changes.  At most one remedy a path: composed here, so that a plan is one step a path. */
export type Remedy = {
  /** Absolute. */
  readonly path: string
  readonly because: readonly Because[]
} & (
  | {
      /** The file becomes `base` (itself, or another file inside the state) with these splices, sorted and apart. */
      readonly do: 'splice'
      readonly base: { readonly path: string; readonly stat: FileStat } | null
      readonly splices: readonly Splice[]
      readonly mode: number
      /**
       * Of a transcript: the time of the one that it replaces, or else of its entry. Since 2026.6.11 the gateway takes one
       * that is newer than the entry of a finished turn for a sign that the entry is lost, and begins the main session
       * anew at the next message (dist/lifecycle-Bt8jrZbf.js: hasTerminalMainSessionTranscriptNewerThanRegistry).
       */
      readonly mtimeMs?: number
      /** What stands at `path` now, as inspected. */
      readonly found: FileStat | null
    }
  | {
      /** The file becomes what `make` makes, when it comes to that: a look makes nothing. */
      readonly do: 'make'
      readonly found: FileStat
      readonly mode: number
      readonly make: () => Promise<Made>
    }
  | { readonly do: 'set-aside'; readonly found: FileStat }
  | { readonly do: 'put-back'; readonly from: string; readonly found: FileStat }
)
