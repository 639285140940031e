/**
 * Which gateways live on a state directory, by the kernel's word alone: processes that carry it in their
 * environment and a gateway's name. Nothing of the program under test is asked.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface Seen {
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat: with the pid, an identity. */
  readonly startTicks: string
}

/** In the environment of each command that a test types. */
export const typed = 'TYPED_BY_A_TEST'

export const gatewaysOn = (stateDir: string): readonly Seen[] =>
  pids()
    .filter((pid) => isGateway(pid) && carries(pid, stateDir))
    .flatMap((pid) => identityOf(pid) ?? [])

/** Gateways, and what they started: tools that outlived a killed gateway included. */
export const everyoneOn = (stateDir: string): readonly Seen[] =>
  pids()
    .filter((pid) => carries(pid, stateDir))
    .flatMap((pid) => identityOf(pid) ?? [])

/** Undefined for what is gone, and for a zombie. */
export function identityOf(pid: number): Seen | undefined {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const startTicks = fields[19]
  return startTicks === undefined || fields[0] === 'Z' ? undefined : { pid, startTicks }
}

export const stillLives = (seen: Seen): boolean => identityOf(seen.pid)?.startTicks === seen.startTicks

/** Signals exactly the process that was seen, or nobody. */
export function signal(seen: Seen, name: NodeJS.Signals): void {
  if (seen.pid <= 1 || !stillLives(seen)) throw new Error(`process ${seen.pid} is not the one that was seen`)
  process.kill(seen.pid, name)
}

const isGateway = (pid: number): boolean =>
  // 2026.4 and later retitle themselves openclaw-gateway; the kernel keeps 15 bytes. Before that it is node.
  (read(`/proc/${pid}/comm`).startsWith('openclaw') || / gateway run( |$)/.test(commandOf(pid))) &&
  !commandOf(pid).includes('dist/main.js') &&
  // A command of its own, which bears the same title: in no version does `gateway run` start itself anew.
  !environmentOf(pid).includes('OPENCLAW_NODE_OPTIONS_READY=1') &&
  // What starts a command anew, and waits for it.
  !(read(`/proc/${pid}/comm`) === 'openclaw\n' && environmentOf(pid).includes(`${typed}=1`))

const carries = (pid: number, stateDir: string): boolean =>
  environmentOf(pid).includes(`OPENCLAW_STATE_DIR=${stateDir}`)

const environmentOf = (pid: number): readonly string[] => read(`/proc/${pid}/environ`).split('\0')

const pids = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trimEnd()

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
