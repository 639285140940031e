/**
 * The words of this room.  A finding says what is wrong and what would be done about it; a step says exactly
 * which bytes change.  Kinds and severities are public names: scripts rely on them (README, `check --json`).
 */
import type { Segment } from '../host/disk.ts'

/**
 * - `loses`: started as it is, the gateway destroys or forgets user data.
 * - `blocks`: the gateway or a session does not work.
 * - `benign`: reported, left alone.
 */
export type Severity = 'loses' | 'blocks' | 'benign'

export type Kind =
  | 'index-unreadable'
  | 'index-missing'
  | 'transcript-no-final-newline'
  | 'transcript-torn-tail'
  | 'transcript-bad-header'
  | 'transcript-torn-middle'
  | 'transcript-looping'
  | 'transcript-unanswered'
  | 'transcript-missing'
  | 'first-turn-unwritten'
  | 'words-unwritten'
  | 'trajectory-missing'
  | 'trajectory-torn'
  | 'pointer-outside'
  | 'lock-stale'
  | 'lock-misread'
  | 'lock-name-mismatch'
  | 'turn-unmarked'
  | 'tool-call-unanswered'
  | 'lock-not-a-file'
  | 'index-lock'
  | 'poison-turn'
  | 'devices-unreadable'
  | 'config-unreadable'
  | 'tasks-unreadable'
  | 'gateway-lock-stale'
  | 'restart-intent-stale'
  | 'wrongly-archived'
  | 'leftover-tmp'
  | 'unindexed-transcripts'
  | 'db-empty-or-missing'
  | 'db-without-sessions'
  | 'db-begun-anew'
  | 'db-corrupt'
  | 'db-orphan-rows'
  | 'wal-gone-or-torn'
  | 'row-bad-json'
  | 'quarantine-db-garbage'
  | 'owner-or-version'
  | 'legacy-index-reappeared'
  | 'import-by-hand'
  | 'gateway-lock-garbage'
  | 'disk-full'
  | 'unreadable'
  | 'disk-failing'
  | 'unknown-store'

export interface Finding {
  readonly kind: Kind
  readonly severity: Severity
  /** Relative to the state directory where it lies inside, else absolute. */
  readonly path: string
  /** What was seen, in one line. */
  readonly evidence: string
  /** What `supervise repair` does about it, in one line; null when nothing is done by itself. */
  readonly repair: string | null
  /** Only where `repair` is null and the severity is not benign: may this pass by itself, or is a person needed? */
  readonly without?: 'retry-later' | 'needs-operator'
  /** The one command to run next: for needs-operator, and where what is benign can be put right by a person's word. */
  readonly command?: string
  /** The sessions that the repair puts back in an index, and of which not everything could be known. */
  readonly sessions?: readonly PutBack[]
}

export interface PutBack {
  readonly key: string
  /** Of its transcript, as in Finding. */
  readonly path: string
  /** In words, one each. */
  readonly notKnown: readonly string[]
}

/** What a name holds: its kind and, for a file, the SHA-256 of its content. */
export type Fingerprint =
  'missing' | `sha256:${string}` | `link:${string}` | `directory:${string}` | `other:${string}`

/**
 * One atomic change of one name.  It acts only when it finds exactly `before`, is done when it finds `after`,
 * and otherwise stops.  Whatever stood there before is kept.
 */
export interface Step {
  readonly path: string
  readonly before: Fingerprint
  readonly after: Fingerprint
  readonly change:
    /** The file becomes this content: pieces of its old self, and bytes of ours.  Creates it where `before` is missing. */
    | {
        readonly do: 'write'
        readonly content: readonly Piece[]
        readonly mode: number
        /** When it was changed last, as the gateway is to see it; otherwise now. */
        readonly mtimeMs?: number
      }
    /** The name goes away. */
    | { readonly do: 'set-aside' }
    /** The file comes back under this name from another one inside the state (an archive), which goes away. */
    | { readonly do: 'put-back'; readonly from: string }
  /** What was done to make it, with counts, for a person. */
  readonly did?: readonly string[]
  /** The findings this step answers, for a person who reads the journal. */
  readonly because: readonly { readonly kind: Kind; readonly path: string }[]
  /**
   * So many of the innermost folders of `path` were not there: made before the name comes, and gone again, where they
   * are empty, after the name is taken back.  Left out for none.
   */
  readonly folders?: number
}

/** Serialisable form of a Segment: a range of another file is allowed (restoring a generation), text is base64. */
export type Piece =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly path: string; readonly from: number; readonly to: number }

export const segmentOf = (piece: Piece): Segment =>
  'text' in piece ? Buffer.from(piece.text) : 'base64' in piece ? Buffer.from(piece.base64, 'base64') : piece

/** The whole of one repair, journalled before its first step. */
export interface Plan {
  readonly steps: readonly Step[]
}

export interface Kept {
  /** Where the bytes were, as in Finding. */
  readonly path: string
  /** Of the content; null for what is no regular file. */
  readonly sha256: string | null
  readonly bytes: number
  /** Where they are now, relative to the state directory. */
  readonly keptAs: string
}
