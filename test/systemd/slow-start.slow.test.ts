import { expect } from 'vitest'

import { child, GATED, install, openGate, UNIT } from './installed.ts'
import { story } from './story.ts'
import { until, untilShown } from './wait.ts'

story('a start that reports progress may take longer than TimeoutStartSec', async (machine) => {
  await install(machine, { gateway: GATED, settings: ['TimeoutStartSec=3'] })
  const start = machine.run('systemctl', 'start', UNIT)
  const begun = Date.now()
  await until('twice the limit', async () => Date.now() - begun > 7000)
  expect(await machine.show(UNIT, 'ActiveState')).toEqual({ ActiveState: 'activating' })
  await openGate(machine, 'ready')
  await start
  expect(await machine.show(UNIT, 'ActiveState', 'NRestarts')).toEqual({
    ActiveState: 'active',
    NRestarts: '0',
  })
  expect(await machine.failures(UNIT)).toEqual([])
})

story(
  'a start without progress is given up by the supervisor, whatever the time that systemd allows',
  async (machine) => {
    await install(machine, {
      gateway: child('no-listener'),
      flags: ['--start-limit', '1s', '--stop-limit', '1s', '--max-crashes', '1'],
    })
    await machine.attempt('systemctl', 'start', UNIT)
    await untilShown(machine, UNIT, {
      ActiveState: 'failed',
      Result: 'exit-code',
      ExecMainStatus: '65',
      NRestarts: '0',
    })
  },
)
