import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { child, execStart } from './installed.ts'
import { CHECKOUT } from './machine.ts'
import { story } from './story.ts'
import { until } from './wait.ts'

const UNIT = 'supervise-openclaw.service'
const gateway = child('ready-then-wait')

const AS_ALICE =
  'setpriv --reuid=alice --regid=alice --init-groups --reset-env env XDG_RUNTIME_DIR=/run/user/1234'

/** What logind would do at a login: the manager of a user, with its runtime directory. */
const MANAGER = `[Service]
User=alice
Environment=XDG_RUNTIME_DIR=/run/user/1234
Type=notify
Delegate=yes
KillMode=mixed
ExecStart=/lib/systemd/systemd --user
`

story("the user unit runs under a user's own manager", async (machine) => {
  await machine.run('useradd', '--uid', '1234', '--create-home', 'alice')
  const asAlice = (...command: readonly string[]) => machine.run(...AS_ALICE.split(' '), ...command)
  const shown = async (...names: readonly string[]) =>
    Object.fromEntries(
      (await asAlice('systemctl', '--user', 'show', UNIT, ...names.map((name) => `--property=${name}`)))
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ) as Record<string, string>

  await machine.run('ln', '-s', `${CHECKOUT}/dist/main.js`, '/usr/local/bin/supervise')
  await machine.run('install', '-d', '-o', 'alice', '-m', '700', '/run/user/1234')
  await machine.write('/run/systemd/system/manager-of-alice.service', MANAGER)
  await machine.run('systemctl', 'daemon-reload')
  await machine.run('systemctl', 'start', 'manager-of-alice')

  const units = '/home/alice/.config/systemd/user'
  await asAlice('install', '-D', '-m', '644', `${CHECKOUT}/units/user/${UNIT}`, '-t', units)
  await machine.write(
    `${units}/${UNIT}.d/story.conf`,
    `[Service]\nExecStart=\n${execStart({ gateway })}\nRestartSec=100ms\n`,
  )
  await machine.write('/home/alice/.openclaw/openclaw.json', '{"gateway":{"mode":"local","bind":"loopback"}}')
  await machine.run('chown', '-R', 'alice:alice', '/home/alice')
  await machine.run('chmod', '700', '/home/alice/.openclaw')
  await asAlice('systemctl', '--user', 'daemon-reload')

  const census = await watchGateways(machine, gateway[0])
  await asAlice('systemctl', '--user', 'start', UNIT)
  const { MainPID, ...rest } = await shown('ActiveState', 'SubState', 'NRestarts', 'MainPID')
  expect(rest).toEqual({ ActiveState: 'active', SubState: 'running', NRestarts: '0' })

  await machine.signal(await machine.identify(Number(MainPID)), 'KILL')
  await until('a restart', async () => {
    const { NRestarts, ActiveState } = await shown('NRestarts', 'ActiveState')
    return NRestarts === '1' && ActiveState === 'active'
  })
  await asAlice('systemctl', '--user', 'stop', UNIT)
  expect(await shown('ActiveState', 'Result')).toEqual({ ActiveState: 'inactive', Result: 'success' })
  expect((await census.end()).map((pids) => pids.length)).toEqual([0, 1, 0, 1, 0])
})
