/** The site of a recovery on this machine's real disk and process table. */
import { freeBytesAt } from '../host/free-space.ts'
import { bootId, startTicksOf } from '../host/process-table.ts'
import { realDisk } from '../host/real-disk.ts'
import { workshopIn } from '../host/sqlite-workshop.ts'
import type { Site } from '../recovery/site.ts'

type Where = Pick<Site, 'stateDir' | 'configPath' | 'gatewayLockDir' | 'policy' | 'installed'>

export const siteOn = (where: Where): Site => ({
  disk: realDisk(),
  stateDir: where.stateDir,
  configPath: where.configPath,
  gatewayLockDir: where.gatewayLockDir,
  startTicksOf,
  bootId: bootId(),
  now: () => Date.now(),
  freeBytes: () => freeBytesAt(where.stateDir),
  ...databasesOf(where.stateDir),
  ...(where.installed === undefined ? {} : { installed: where.installed }),
  policy: where.policy,
})

function databasesOf(stateDir: string): Pick<Site, 'databases'> {
  const databases = workshopIn(`${stateDir}/supervise/workshop`)
  return databases === undefined ? {} : { databases }
}
