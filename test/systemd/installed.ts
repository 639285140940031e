/** The service as an operator installs it: the shipped files as they are, and what differs in one drop-in. */
import { CHECKOUT, type Machine } from './machine.ts'

export const UNIT = 'supervise-openclaw.service'
export const HOME = '/var/lib/openclaw'
export const STATE = `${HOME}/.openclaw`
/** Files here decide when the gated gateway is ready and drained. */
export const GATES = `${HOME}/gates`

export const STAND_IN = [`${CHECKOUT}/demo/gateway.mjs`] as const
export const child = (name: string, ...args: readonly string[]) =>
  [`${CHECKOUT}/test/processes/children/${name}.mjs`, ...args] as const
export const GATED = [`${CHECKOUT}/test/systemd/gated-gateway.mjs`, GATES] as const

export interface Wanted {
  /** Script and arguments of the gateway, run by `node`. */
  readonly gateway: readonly string[]
  /** Flags of `supervise run`. */
  readonly flags?: readonly string[]
  /** Lines for [Service]. */
  readonly settings?: readonly string[]
}

const CONFIGURATION = {
  gateway: { mode: 'local', bind: 'loopback', auth: { mode: 'token', token: 'of-a-test' } },
}

export const execStart = ({ gateway, flags = [] }: Wanted): string =>
  ['ExecStart=supervise', 'run', ...flags, '--', 'node', ...gateway].join(' ')

export const install = async (machine: Machine, wanted: Wanted): Promise<void> => {
  await machine.run('ln', '-sf', `${CHECKOUT}/dist/main.js`, '/usr/local/bin/supervise')
  await machine.run(
    'install',
    '-D',
    '-m',
    '644',
    `${CHECKOUT}/units/sysusers.d/supervise-openclaw.conf`,
    '-t',
    '/etc/sysusers.d',
  )
  await machine.run('systemd-sysusers')
  await machine.run('install', '-d', '-o', 'openclaw', '-g', 'openclaw', '-m', '700', HOME, STATE, GATES)
  await machine.write(`${STATE}/openclaw.json`, JSON.stringify(CONFIGURATION))
  await machine.run('chown', '-R', 'openclaw:openclaw', STATE)
  await machine.run('install', '-m', '644', `${CHECKOUT}/units/${UNIT}`, '-t', '/etc/systemd/system')
  await settle(machine, wanted)
}

/** Writes the drop-in anew. */
const settle = async (machine: Machine, wanted: Wanted): Promise<void> => {
  const lines = ['[Service]', 'ExecStart=', execStart(wanted), ...(wanted.settings ?? [])]
  await machine.write(`/etc/systemd/system/${UNIT}.d/story.conf`, `${lines.join('\n')}\n`)
  await machine.run('systemctl', 'daemon-reload')
}

/** What `supervise status --json` says to the service's own user. */
export const statusOf = async (machine: Machine): Promise<Record<string, unknown>> => {
  const { stdout } = await asOpenclaw(machine, 'supervise', 'status', '--json', '--state-dir', STATE)
  return JSON.parse(stdout) as Record<string, unknown>
}

export const asOpenclaw = (machine: Machine, ...command: readonly string[]) =>
  machine.attempt(
    'setpriv',
    '--reuid=openclaw',
    '--regid=openclaw',
    '--init-groups',
    '--reset-env',
    ...command,
  )

/** The supervisor, as the service manager knows it. */
export const supervisorOf = async (machine: Machine) =>
  machine.identify(Number((await machine.show(UNIT, 'MainPID')).MainPID))

export const openGate = (machine: Machine, gate: 'ready' | 'drained') =>
  machine.run('touch', `${GATES}/${gate}`)
