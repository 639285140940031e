/** Where a recovery works, and what it may ask of the machine.  Made once by whoever calls this room. */
import type { Disk } from '../host/disk.ts'
import type { Workshop } from '../host/sqlite-workshop.ts'

export interface Site {
  readonly disk: Disk
  /** Real path of the state directory. */
  readonly stateDir: string
  /** Absolute; usually <stateDir>/openclaw.json. */
  readonly configPath: string
  /** Where the gateway keeps its own lock: <tmp>/openclaw-<uid>; null when not to be looked at. */
  readonly gatewayLockDir: string | null
  /** What the kernel says of a pid: its start time in clock ticks since boot (field 22 of /proc/pid/stat), or gone. */
  startTicksOf(pid: number): number | undefined
  readonly bootId: string
  /** A gateway known to be at work on this state (`check` while it runs): its locks are its own, torn reads are to be expected. */
  readonly liveGatewayPid?: number
  /** ms since the epoch. */
  now(): number
  /** Room on the file system of the state; left out where nothing here can tell. */
  freeBytes?(): number | undefined
  /** SQLite, asked of private copies; left out where this Node has none. */
  readonly databases?: Workshop
  /** The OpenClaw that is to be started here; null or left out where that is not known. */
  readonly installed?: Installed | null
  readonly policy: Policy
}

export interface Installed {
  readonly version: string
  /** Null: the era of files. */
  readonly schemaVersions: Readonly<Record<string, number>> | null
}

export interface Policy {
  /** A completed turn whose transcript nothing on disk still holds: start all the same, or hold. */
  readonly onLoss: 'start' | 'hold'
  readonly unknownStore: 'start' | 'hold'
  /** Which cut-off turns are marked for the gateway to resume. */
  readonly resume: 'crashed' | 'all' | 'none'
  /** Optional repairs, only by an operator's word. */
  readonly unarchive: boolean
  readonly adopt: boolean
  readonly tidy: boolean
  readonly configRollback: boolean
  /** A database that is gone, and of which there is no snapshot: a person knows it, and goes on without. */
  readonly acceptLoss: boolean
}

export const defaultPolicy: Policy = {
  onLoss: 'start',
  unknownStore: 'hold',
  resume: 'crashed',
  unarchive: false,
  adopt: false,
  tidy: false,
  configRollback: false,
  acceptLoss: false,
}
