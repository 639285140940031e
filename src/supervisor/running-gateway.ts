/**
 * Does a gateway work on this state now? One of ours is named by the status file; one that was started by hand,
 * or by another unit, by its own lock (2026.4.26: <tmp>/openclaw-<uid>/gateway.<hash of the config's path>.lock),
 * or, where another TMPDIR hides that, by its title and the files it has open. Each is believed only as far as
 * the kernel confirms it.
 */
import { lookAtFolder, textOf } from '../host/paths.ts'
import {
  describe,
  identityOf,
  isAlive,
  nameOfProcess,
  openFilesOf,
  pids,
  type Description,
} from '../host/process-table.ts'
import { gatewayLockConfig, isGatewayLockName, lockHolder, lockLimitBytes } from '../openclaw/lock-file.ts'
import { isGatewayName } from '../openclaw/process-title.ts'
import { ownPaths } from './own-paths.ts'
import { readStatusFile } from './status.ts'

export interface RunningGateway {
  readonly who: Description
  /** `ours`: started by a supervisor, living or dead. */
  readonly is: 'ours' | 'foreign'
}

export interface Looked {
  readonly stateDir: string
  readonly configPath: string
  readonly gatewayLockDir: string
}

export function runningGateway({ stateDir, configPath, gatewayLockDir }: Looked): RunningGateway | null {
  const read = readStatusFile(ownPaths(stateDir).status)
  const child = read.is === 'known' ? read.status.child : null
  if (child !== null && child !== undefined && isAlive(child)) {
    const who = describe(child.pid)
    if (who !== undefined) return { is: 'ours', who }
  }
  const folder = lookAtFolder(gatewayLockDir)
  for (const name of folder.is === 'folder' ? folder.names.filter(isGatewayLockName) : []) {
    const text = textOf(`${gatewayLockDir}/${name}`, lockLimitBytes)
    if (text === undefined || gatewayLockConfig(text) !== configPath) continue
    const { pid, startTicks } = lockHolder(text)
    const alive = pid === null ? undefined : identityOf(pid)
    if (alive === undefined || (startTicks !== null && startTicks !== alive.startTicks)) continue
    const who = describe(alive.pid)
    if (who !== undefined) return { is: 'foreign', who }
  }
  const byFiles = pids().find(
    (pid) =>
      isGatewayName(nameOfProcess(pid)) && openFilesOf(pid).some((path) => path.startsWith(`${stateDir}/`)),
  )
  const who = byFiles === undefined ? undefined : describe(byFiles)
  return who === undefined ? null : { is: 'foreign', who }
}
