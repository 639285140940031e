/** Where things lie.  Journals name files relative to the state directory, so that they stay true when it moves. */
import type { Site } from './site.ts'

/** Inside the state directory; relative, so that it holds for a name in a plan as well. */
const REPAIRS = 'supervise/repairs'

export const ownFolder = (site: Site): string => `${site.stateDir}/supervise`
export const snapshotsFolder = (site: Site): string => `${site.stateDir}/supervise/snapshots`
export const repairsFolder = (site: Site): string => `${site.stateDir}/${REPAIRS}`
export const repairFolder = (site: Site, id: string): string => `${repairsFolder(site)}/${id}`
export const keptFolder = (site: Site, id: string): string => `${repairFolder(site, id)}/kept`
export const journalFile = (site: Site, id: string): string => `${repairFolder(site, id)}/journal.jsonl`

/** What was done to a database, and every row that was taken out of it. */
export const accountsFolder = (site: Site): string => `${site.stateDir}/supervise/accounts`

export const isOurs = (name: string): boolean => name === 'supervise' || name.startsWith('supervise/')

/** Relative where it lies inside the state directory, else absolute. */
export const nameOf = (site: Site, path: string): string =>
  path.startsWith(`${site.stateDir}/`) ? path.slice(site.stateDir.length + 1) : path

export const pathOf = (site: Site, name: string): string =>
  name.startsWith('/') ? name : `${site.stateDir}/${name}`

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

/**
 * Names for a moment, beside their target, since a rename cannot leave the file system; hidden, and none that a
 * gateway reads.  `new` is being written, by us alone; `tmp` and `from` hold what was under a name an instant
 * ago, and so may hold what another program had just put there.
 */
export const temporaryFor = (path: string, id: string, n: number, what: 'new' | 'tmp' | 'from'): string =>
  `${parentOf(path)}/.supervise-${id}-${n}.${what}`
