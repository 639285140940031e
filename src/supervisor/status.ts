/**
 * What is going on, for anybody who asks: one small file, replaced atomically at every change, true also when
 * nobody is running, because whoever reads it checks the identities in it against the kernel (never its age).
 *
 * The field names are public: status.schema.json, README.
 */
import { readSmall } from '../host/own-files.ts'
import { folderOf, parent } from '../host/paths.ts'
import { isAlive, type Identity } from '../host/process-table.ts'
import type { Exit } from '../lifecycle/exit.ts'
import type { Phase, Why } from '../lifecycle/lifecycle.ts'
import type { ReadinessSeen } from './gateway.ts'
import { isStatus } from './status-shape.ts'

export const statusVersion = 1
const mostBytes = 256 * 1024

export interface Budget {
  readonly spent: number
  readonly limit: number
  readonly left: number
}

export interface LastExit {
  readonly at: string
  readonly exit: Exit
  readonly why: Why
  readonly detail: string
  readonly wasReady: boolean
}

/** A gateway that works on the state while nobody supervises. */
export interface Unsupervised {
  readonly pid: number | null
  readonly evidence: string
  /** What stops it. */
  readonly command: string
}

export interface Status {
  readonly version: typeof statusVersion
  /** The lifecycle's own phases; read while nobody supervises also `not-started`, `orphaned` and `gone`. */
  readonly phase: Phase | 'taking-over' | 'not-started' | 'orphaned' | 'gone'
  readonly why: Why | 'none'
  /** In one line. */
  readonly reason: string
  /** Of this phase, ISO 8601. */
  readonly since: string
  readonly ready: boolean
  /** The last thing seen: by what it is ready, or what is still awaited. */
  readonly readiness: {
    readonly is: ReadinessSeen['is'] | 'none'
    readonly since: string | null
    readonly evidence: string
    readonly failing: readonly string[]
    readonly suppressed: readonly string[]
  }
  readonly child:
    | (Identity & { readonly number: number; readonly startedAt: string; readonly version: string | null })
    | null
  /** The gateway that last served here: another version at the next start is an update. */
  readonly lastReady: { readonly at: string; readonly version: string | null } | null
  readonly lastExit: LastExit | null
  /** Newest first, that one among them. */
  readonly lastExits: readonly LastExit[]
  readonly lastRepairs: readonly {
    readonly id: string
    readonly at: string
    readonly findings: number
    readonly keptBytes: number
  }[]
  /** What the last inspection said of the state. */
  readonly state: {
    readonly at: string
    readonly store: string
    readonly version: string | null
    /** Of the databases; null in the era of files. */
    readonly schema: { readonly state: number | null; readonly agent: number | null } | null
    readonly verdict: string
    readonly loses: number
    readonly blocks: number
    readonly benign: number
  } | null
  readonly budgets: Readonly<Record<'crashes' | 'recoveries' | 'restarts' | 'contentions', Budget>> & {
    readonly lastFailure: string | null
  }
  readonly nextAttemptAt: string | null
  readonly hold: {
    readonly kind: string
    readonly evidence: string
    readonly command: string | null
    readonly canPass: boolean
  } | null
  readonly place: { readonly stateDir: string; readonly configPath: string; readonly port: number }
  readonly supervisor: (Identity & { readonly startedAt: string; readonly version: string }) | null
}

export type ReadStatus =
  | { readonly is: 'known'; readonly status: Status }
  | { readonly is: 'none' }
  | { readonly is: 'cannot-tell'; readonly why: string }
  /** Written by a later version of this program: not to be understood, and not to be overwritten. */
  | { readonly is: 'newer'; readonly why: string }

/** The file as it is, unjudged. */
export function readStatusFile(path: string): ReadStatus {
  let bytes: Buffer | undefined
  try {
    bytes = readSmall(path, mostBytes)
  } catch (error) {
    return { is: 'cannot-tell', why: (error as Error).message }
  }
  if (bytes === undefined) return { is: 'none' }
  try {
    const status = JSON.parse(bytes.toString('utf8')) as Partial<Status> | null
    const version: unknown = status?.version
    if (typeof version === 'number' && version > statusVersion)
      return {
        is: 'newer',
        why: `${JSON.stringify(path)} was written by a newer supervise (format ${version}, known: ${statusVersion})`,
      }
    if (version !== statusVersion || !isStatus(status))
      return { is: 'cannot-tell', why: `${JSON.stringify(path)} is no status file` }
    // Earlier versions kept but one, and not who was ready.
    const lastExits = status?.lastExit == null ? [] : [status.lastExit]
    const known = { lastReady: null, lastExits, ...status } as Status
    if (isOfAnother(known.place.stateDir, parent(parent(path))))
      return {
        is: 'cannot-tell',
        why: `${JSON.stringify(path)} was copied from another state, ${JSON.stringify(known.place.stateDir)}: what it tells is of that one`,
      }
    return { is: 'known', status: known }
  } catch {
    return { is: 'cannot-tell', why: `${JSON.stringify(path)} does not parse` }
  }
}

/** A state that was copied brings the status of the other along: processes that live, and are none of this state's. */
function isOfAnother(stateDir: string, here: string): boolean {
  const other = stateDir === here ? undefined : folderOf(stateDir)
  return other !== undefined && other !== folderOf(here)
}

/** What is true now: the file, held against the processes it names. */
export function judge(status: Status): Status {
  const supervised = status.supervisor !== null && isAlive(status.supervisor)
  if (supervised) return status
  const left = { ...status, supervisor: null, ready: false, nextAttemptAt: null }
  if (status.child !== null && isAlive(status.child))
    return {
      ...left,
      phase: 'orphaned',
      reason: `the supervisor is gone, its gateway (pid ${status.child.pid}) lives on; the next start takes it over`,
    }
  const done = status.phase === 'stopped' || status.phase === 'held' || status.supervisor === null
  if (done) return { ...left, child: null }
  return {
    ...left,
    child: null,
    phase: 'gone',
    reason: `the supervisor ended while ${status.phase} (${status.reason})`,
  }
}
