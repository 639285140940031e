/** The site of a recovery on this machine's real disk and process table. */
import { bootId, startTicksOf } from '../host/process-table.ts'
import { realDisk } from '../host/real-disk.ts'
import { checkDatabase } from '../host/sqlite-check.ts'
import type { Site } from '../recovery/site.ts'

export const siteOn = (where: Pick<Site, 'stateDir' | 'configPath' | 'gatewayLockDir' | 'policy'>): Site => ({
  disk: realDisk(),
  stateDir: where.stateDir,
  configPath: where.configPath,
  gatewayLockDir: where.gatewayLockDir,
  startTicksOf,
  bootId: bootId(),
  now: () => Date.now(),
  checkDatabase,
  policy: where.policy,
})
