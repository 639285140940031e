import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { child, install, statusOf, supervisorOf, UNIT } from './installed.ts'
import { story } from './story.ts'
import { untilShown } from './wait.ts'

const gateway = child('ready-then-wait')

story('after kill -9 of the supervisor there is one gateway again, and never two', async (machine) => {
  await install(machine, { gateway, settings: ['RestartSec=100ms'] })
  const census = await watchGateways(machine, gateway[0])
  await machine.run('systemctl', 'start', UNIT)
  for (let times = 1; times <= 3; times++) {
    await machine.signal(await supervisorOf(machine), 'KILL')
    await untilShown(machine, UNIT, { ActiveState: 'active', SubState: 'running', NRestarts: String(times) })
    expect(census.now()).toHaveLength(1)
    expect(await statusOf(machine)).toMatchObject({ phase: 'running', ready: true })
  }
  expect(await machine.failures(UNIT)).toEqual(['signal', 'signal', 'signal'])
  expect((await census.end()).map((pids) => pids.length)).toEqual([0, 1, 0, 1, 0, 1, 0, 1])
})

story('a SIGTERM from a stranger does not leave the service down', async (machine) => {
  await install(machine, { gateway, settings: ['RestartSec=100ms'] })
  const census = await watchGateways(machine, gateway[0])
  await machine.run('systemctl', 'start', UNIT)
  await machine.signal(await supervisorOf(machine), 'TERM')
  await untilShown(machine, UNIT, { ActiveState: 'active', SubState: 'running', NRestarts: '1' })
  expect(await machine.failures(UNIT)).toEqual([])
  expect((await census.end()).map((pids) => pids.length)).toEqual([0, 1, 0, 1])
})
