/**
 * Does a gateway work on this state now? One of ours is named by the status file. One that was started by hand, or by
 * another unit, is found in three ways, each believed only as far as the kernel confirms it:
 *
 * - by its own lock (<tmp>/openclaw-<uid>/gateway.<hash of the config's path>.lock), unless another TMPDIR hides that;
 * - by the files it has open under the state: any file where it bears the gateway's title, a store that is open for
 *   writing where it could be one (it takes the title some time after its first instruction). Where it bears the title
 *   and its environment names the state, it may be one. What its environment tells to be a command bears the title as
 *   well, and counts as any other program: `openclaw gateway restart` waits for the gateway that is to come, in 2026.7
 *   and 2026.8 with the control plane open, into which it wrote its request;
 * - by its listener on the configured port, unless its environment names another state.
 */
import { listeningAmong, ownersOf, listenersOnPort } from '../host/listeners.ts'
import { lookAtFolder, realPathOf, textOf } from '../host/paths.ts'
import { probe } from '../host/probe.ts'
import {
  describe,
  environmentOf,
  exeOf,
  hasOpen,
  identityOf,
  isAlive,
  nameOfProcess,
  openFilesOf,
  pids,
  seesAs,
  type Description,
} from '../host/process-table.ts'
import { controlPlane } from '../openclaw/databases.ts'
import { isOfStore } from '../openclaw/layout.ts'
import { gatewayLockPlace, isGatewayLockName, lockHolder, lockLimitBytes } from '../openclaw/lock-file.ts'
import { isLive, livenessPath } from '../openclaw/probes.ts'
import { canBeGateway, commandVariable, isGatewayName } from '../openclaw/process-title.ts'
import { describeHolder } from './lock-holder.ts'
import { ownPaths } from './own-paths.ts'
import { lookAtListeners } from './port-sight.ts'
import { readStatusFile } from './status.ts'

export interface RunningGateway {
  /** Null: it may not be looked at from here. */
  readonly who: Description | null
  /** `ours`: started by a supervisor, living or dead. */
  readonly is: 'ours' | 'foreign'
  /** It bears the gateway's title, its lock or its port; else it may also be a command of OpenClaw's, and end by itself. */
  readonly isCertain: boolean
  /** Who it is, and by what it was found. */
  readonly evidence: string
  /** What stops it. */
  readonly command: string
}

export interface Looked {
  readonly stateDir: string
  readonly configPath: string
  readonly gatewayLockDir: string
  /** Where it would listen. */
  readonly ports: readonly number[]
}

export async function runningGateway(looked: Looked): Promise<RunningGateway | null> {
  const seen = byStatus(looked) ?? byLock(looked) ?? byProcess(looked)
  return seen?.isCertain === true ? seen : ((await byListener(looked)) ?? seen)
}

const found = (is: RunningGateway['is'], who: Description, by: string, isCertain = true): RunningGateway => ({
  is,
  who,
  isCertain,
  evidence: `${isCertain ? 'a gateway' : 'a program, perhaps a gateway,'} already works on this state: ${describeHolder(who)}, ${by}`,
  command: commandToStop(who),
})

/** A scope is a login or a terminal: more would end with it than the gateway. */
const commandToStop = ({ pid, unit }: Description): string =>
  unit?.name.endsWith('.service') === true
    ? `systemctl ${unit.of === 'user' ? '--user ' : ''}stop ${unit.name}`
    : `kill ${pid}`

function byStatus({ stateDir }: Looked): RunningGateway | null {
  const read = readStatusFile(ownPaths(stateDir).status)
  const child = read.is === 'known' ? read.status.child : null
  if (child === null || child === undefined || !isAlive(child)) return null
  const who = describe(child.pid)
  return who === undefined ? null : found('ours', who, 'started by a supervisor')
}

function byLock({ stateDir, configPath, gatewayLockDir }: Looked): RunningGateway | null {
  const isSame = (path: string | null, as: string): boolean =>
    path !== null && (path === as || realPathOf(path) === realPathOf(as))
  // A unit may give us a TMPDIR that a shell does not have.
  const usual = `/tmp/${gatewayLockDir.slice(gatewayLockDir.lastIndexOf('/') + 1)}`
  const locks = [...new Set([gatewayLockDir, usual])].flatMap((path) => {
    const folder = lookAtFolder(path)
    return folder.is === 'folder'
      ? folder.names.filter(isGatewayLockName).map((name) => `${path}/${name}`)
      : []
  })
  for (const path of locks) {
    const text = textOf(path, lockLimitBytes)
    if (text === undefined) continue
    const place = gatewayLockPlace(text)
    if (!isSame(place.configPath, configPath) && !isSame(place.stateDir, stateDir)) continue
    const { pid, startTicks } = lockHolder(text)
    const holder = pid === null ? undefined : identityOf(pid)
    // One that was killed, and whose parent does not reap, keeps its pid for as long as that parent lives.
    if (holder === undefined || !isAlive(holder)) continue
    if (startTicks !== null && startTicks !== holder.startTicks) continue
    const who = describe(holder.pid)
    if (who !== undefined) return found('foreign', who, `which holds ${JSON.stringify(path)}`)
  }
  return null
}

function byProcess({ stateDir }: Looked): RunningGateway | null {
  const top = `${stateDir}/`
  const isUnder = (path: string): boolean => path.startsWith(top)
  const isStore = (path: string): boolean => isUnder(path) && isOfStore(path.slice(top.length))
  const isOtherStore = (path: string): boolean => isStore(path) && path !== `${top}${controlPlane}`
  const lookAt = (pid: number): RunningGateway | null => {
    const isCalledGateway = isGatewayName(nameOfProcess(pid))
    const isItsCommand = isCalledGateway && environmentOf(pid)?.has(commandVariable) === true
    const bearsTitle = isCalledGateway && !isItsCommand
    const who = (by: string, isCertain: boolean): RunningGateway | null => {
      const seen = describe(pid)
      return seen === undefined ? null : found('foreign', seen, by, isCertain)
    }
    const file = !openFilesOf(pid).some(isUnder)
      ? undefined
      : bearsTitle
        ? hasOpen(pid, 'at all', isUnder)
        : canBeGateway(exeOf(pid) ?? '')
          ? hasOpen(pid, 'for writing', isItsCommand ? isOtherStore : isStore)
          : undefined
    if (file !== undefined) return who(`which has ${JSON.stringify(file)} open`, bearsTitle)
    // `openclaw gateway status` bears the title for its seconds, and a gateway holds more than a title soon.
    return bearsTitle && isNamedBy(pid, stateDir) === true ? who('whose environment names it', false) : null
  }
  let uncertain: RunningGateway | null = null
  for (const pid of pids()) {
    const seen = pid === process.pid ? null : lookAt(pid)
    if (seen?.isCertain === true) return seen
    uncertain ??= seen
  }
  return uncertain
}

async function byListener({ stateDir, ports }: Looked): Promise<RunningGateway | null> {
  for (const port of new Set(ports)) {
    const sockets = listenersOnPort(port)
    if (sockets.length === 0) continue
    const owners = [...new Set([...ownersOf(sockets).values()].flat())]
    const isOne =
      owners.some((pid) => isGatewayName(nameOfProcess(pid))) ||
      (await answersAsGateway(listeningAmong(owners, port)?.host ?? '127.0.0.1', port))
    if (!isOne) continue
    const here = owners.filter((pid) => isNamedBy(pid, stateDir) !== false)
    if (owners.length > 0 && here.length === 0) continue
    const who = here.map((pid) => describe(pid)).find((one) => one !== undefined)
    const by = `which listens on port ${port}`
    if (who !== undefined) return found('foreign', who, by)
    return {
      is: 'foreign',
      who: null,
      isCertain: true,
      evidence: `a gateway that may not be looked at from here listens on port ${port}, and may work on this state`,
      command: `sudo ${lookAtListeners(port)}`,
    }
  }
  return null
}

const answerWithinMs = 1_000

const answersAsGateway = async (host: string, port: number): Promise<boolean> => {
  const answers = await Promise.all(
    ['http', 'https'].map((scheme) => probe(`${scheme}://${host}:${port}${livenessPath}`, answerWithinMs)),
  )
  return answers.some((answer) => answer.is === 'answered' && isLive(answer))
}

/** Does its environment name this state, as it sees it from where it is? Undefined: it does not say. */
const isNamedBy = (pid: number, stateDir: string): boolean | undefined => {
  const named = environmentOf(pid)?.get('OPENCLAW_STATE_DIR')
  return named === undefined ? undefined : seesAs(pid, named, stateDir)
}
