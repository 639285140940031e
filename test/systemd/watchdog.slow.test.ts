import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { child, install, supervisorOf, UNIT } from './installed.ts'
import { story } from './story.ts'
import { until, untilShown } from './wait.ts'

const gateway = child('ready-then-wait')

story('a supervisor that stands still is ended by the watchdog and started again', async (machine) => {
  await install(machine, { gateway, settings: ['WatchdogSec=2', 'RestartSec=100ms'] })
  const census = await watchGateways(machine, gateway[0])
  await machine.run('systemctl', 'start', UNIT)
  const [first] = census.now()
  const before = await supervisorOf(machine)

  await machine.signal(before, 'STOP')
  await untilShown(machine, UNIT, { ActiveState: 'active', SubState: 'running', NRestarts: '1' })

  expect(await machine.failures(UNIT)).toEqual(['watchdog'])
  expect((await supervisorOf(machine)).pid).not.toBe(before.pid)
  const [second] = census.now()
  expect(await census.end()).toEqual([[], [first], [], [second]])
})

story('a supervisor that turns feeds the watchdog for as long as it runs', async (machine) => {
  await install(machine, { gateway, settings: ['WatchdogSec=1'] })
  await machine.run('systemctl', 'start', UNIT)
  const { WatchdogTimestampMonotonic: first } = await machine.show(UNIT, 'WatchdogTimestampMonotonic')
  await until('five more periods', async () => {
    const { WatchdogTimestampMonotonic: latest } = await machine.show(UNIT, 'WatchdogTimestampMonotonic')
    return Number(latest) > Number(first) + 5_000_000
  })
  expect(await machine.show(UNIT, 'ActiveState', 'NRestarts')).toEqual({
    ActiveState: 'active',
    NRestarts: '0',
  })
})
