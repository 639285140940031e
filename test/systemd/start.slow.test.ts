import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import {
  asOpenclaw,
  GATED,
  install,
  openGate,
  STAND_IN,
  STATE,
  statusOf,
  supervisorOf,
  UNIT,
} from './installed.ts'
import { CHECKOUT } from './machine.ts'
import { story } from './story.ts'
import { until } from './wait.ts'

const ASK = "fetch('http://127.0.0.1:18789/readyz')"

story('systemctl start returns when the gateway is ready, and not before', async (machine) => {
  await install(machine, { gateway: GATED })
  const census = await watchGateways(machine, GATED[0])
  let returned = false
  const start = machine.run('systemctl', 'start', UNIT).then(() => (returned = true))

  // The gateway listens and answers "not ready": the unit is not active, and whoever waits goes on waiting.
  await until(
    'starting',
    async () => (await statusOf(machine).catch(() => undefined))?.['phase'] === 'starting',
  )
  await until('an answer', async () => (await machine.attempt('node', '--eval', ASK)).status === 0)
  expect(await machine.show(UNIT, 'ActiveState', 'SubState')).toEqual({
    ActiveState: 'activating',
    SubState: 'start',
  })
  expect(returned).toBe(false)

  await openGate(machine, 'ready')
  await start
  const { StatusText, ...shown } = await machine.show(
    UNIT,
    'ActiveState',
    'SubState',
    'NRestarts',
    'StatusText',
  )
  expect(shown).toEqual({ ActiveState: 'active', SubState: 'running', NRestarts: '0' })
  expect(StatusText).toMatch(/ready/)

  const supervisor = await supervisorOf(machine)
  const processes = await machine.processes()
  expect(processes.find(({ pid }) => pid === supervisor.pid)).toMatchObject({
    user: 'openclaw',
    command: expect.stringMatching(/^node \/usr\/local\/bin\/supervise run /) as string,
  })
  const [gateway] = census.now()
  expect(processes.find(({ pid }) => pid === gateway)).toMatchObject({
    user: 'openclaw',
    parent: supervisor.pid,
  })

  // What was meant for the supervisor alone did not reach the gateway.
  const environment = (await machine.run('cat', `/proc/${gateway}/environ`))
    .split('\0')
    .map((text) => text.split('=')[0])
  expect(environment).toContain('OPENCLAW_STATE_DIR')
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'INVOCATION_ID', 'JOURNAL_STREAM'])
    expect(environment).not.toContain(name)

  expect(await census.end()).toEqual([[], [gateway]])
})

story('a state that a crash left is put right before the gateway runs on it', async (machine) => {
  await install(machine, { gateway: STAND_IN })
  await machine.run('cp', '--recursive', '--no-target-directory', `${CHECKOUT}/demo/crashed-state`, STATE)
  await machine.run('chown', '--recursive', 'openclaw:openclaw', STATE)
  const check = () => asOpenclaw(machine, 'supervise', 'check', '--json')
  expect((await check()).status).toBe(65)

  await machine.run('systemctl', 'start', UNIT)
  expect(await statusOf(machine)).toMatchObject({
    ready: true,
    lastRepairs: [{ findings: expect.any(Number) as number }],
    state: { verdict: 'consistent' },
  })
  await machine.run('systemctl', 'stop', UNIT)
  expect(JSON.parse((await check()).stdout)).toMatchObject({ verdict: 'consistent', gatewayRunning: false })
})
