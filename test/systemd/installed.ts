/** The service as an operator installs it: the shipped files as they are, and what differs in one drop-in. */
import { CHECKOUT, type Machine } from './machine.ts'

export const UNIT = 'supervise-openclaw.service'
export const HOME = '/var/lib/openclaw'
export const STATE = `${HOME}/.openclaw`
/** Files here decide when the gated gateway is ready and drained. */
export const GATES = `${HOME}/gates`

export const STAND_IN = [`${CHECKOUT}/demo/gateway.mjs`] as const
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
export const settle = async (machine: Machine, wanted: Wanted): Promise<void> => {
  const lines = ['[Service]', 'ExecStart=', execStart(wanted), ...(wanted.settings ?? [])]
  await machine.write(`/etc/systemd/system/${UNIT}.d/story.conf`, `${lines.join('\n')}\n`)
  await machine.run('systemctl', 'daemon-reload')
}

export const openGate = (machine: Machine, gate: 'ready' | 'drained') =>
  machine.run('touch', `${GATES}/${gate}`)
