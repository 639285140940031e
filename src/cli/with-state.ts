/** Takes the state directory for as long as a change takes; refuses while anybody else holds it. */
import { DiskError } from '../host/disk.ts'
import { systemClock as clock } from '../host/clock.ts'
import type { Lock } from '../host/lock.ts'
import { ensureFolder } from '../host/own-files.ts'
import { isAlive } from '../host/process-table.ts'
import { isStateDirectory } from '../openclaw/layout.ts'
import type { Environment } from '../openclaw/settings.ts'
import { holderInWords } from '../supervisor/lock-holder.ts'
import { takeLockFromTheDying } from '../supervisor/lock-of-the-dying.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { runningGateway } from '../supervisor/running-gateway.ts'
import { wholeCommand } from '../supervisor/whole-command.ts'
import { exitStatus } from './exit-statuses.ts'
import { clean } from './output.ts'
import { complain } from './complain.ts'
import { portsOf, type Where } from './where.ts'

export async function withState(
  where: Where,
  env: Environment,
  change: () => Promise<number>,
): Promise<number> {
  const { stateDir } = where
  if (!isStateDirectory(where.names)) {
    complain(
      `${JSON.stringify(stateDir)} is no state directory of OpenClaw: name the right one with --state-dir`,
    )
    return exitStatus.needsOperator
  }
  const paths = ownPaths(stateDir)
  let lock: Lock
  try {
    ensureFolder(paths.folder)
    lock = await takeLockFromTheDying(paths.lock, clock)
  } catch (error) {
    return statusOfDisk(error)
  }
  if (lock.is === 'taken') {
    const who = clean(holderInWords(paths.lock, lock.holder))
    complain(
      lock.holder !== null && isAlive(lock.holder)
        ? `the state directory is held by ${who}: stop it first; run: ${clean(wholeCommand('supervise stop', where))}`
        : `the state directory is held by ${who}, left behind by a supervisor that is gone: stop it, or let the next \`supervise run\` take it over`,
    )
    return exitStatus.obstructed
  }
  if (lock.is === 'unavailable') {
    complain(`the state directory cannot be locked: ${lock.why}`)
    return exitStatus.obstructed
  }
  try {
    const running = await runningGateway({ ...where, ports: portsOf(where, env) })
    if (running !== null) {
      complain(`${clean(running.evidence)}: stop it first; run: ${clean(running.command)}`)
      return exitStatus.obstructed
    }
    return await change()
  } catch (error) {
    return statusOfDisk(error)
  } finally {
    lock.release()
  }
}

/** A link, a folder or a FIFO where something of ours belongs does not pass by itself; a full disk may. */
function statusOfDisk(error: unknown): number {
  if (!(error instanceof DiskError)) throw error
  const isStranger = ['ELOOP', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ENXIO'].includes(error.code)
  complain(isStranger ? `${error.message}: what lies there is not ours, and is not touched` : error.message)
  return error.canPass ? exitStatus.later : exitStatus.needsOperator
}
