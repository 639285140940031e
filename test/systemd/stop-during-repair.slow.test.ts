import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { asOpenclaw, child, install, STATE, UNIT } from './installed.ts'
import { CHECKOUT } from './machine.ts'
import { story } from './story.ts'
import { until, untilShown } from './wait.ts'

const SESSIONS = 400
const gateway = child('ready-then-wait')

story('a stop in the middle of a repair ends it cleanly, and the next start finishes it', async (machine) => {
  await install(machine, { gateway })
  await machine.run('node', `${CHECKOUT}/test/systemd/torn-sessions.mjs`, STATE, String(SESSIONS))
  await machine.run('chown', '-R', 'openclaw:openclaw', STATE)
  const census = await watchGateways(machine, gateway[0])

  // The supervisor is stopped in the sense of SIGSTOP at the first change, so that the order to end reaches it
  // in the middle of the repair; systemd's SIGTERM wakes it.
  const paused = machine.run(
    'node',
    `${CHECKOUT}/test/systemd/pause-at.mjs`,
    UNIT,
    `${STATE}/agents/main/sessions`,
  )
  await machine.run('systemctl', 'start', '--no-block', UNIT)
  await paused
  expect(await machine.show(UNIT, 'ActiveState')).toEqual({ ActiveState: 'activating' })
  await machine.run('systemctl', 'stop', UNIT)

  expect(await machine.show(UNIT, 'ActiveState', 'Result', 'ExecMainStatus')).toEqual({
    ActiveState: 'inactive',
    Result: 'success',
    ExecMainStatus: '0',
  })
  expect(census.now()).toEqual([])
  // It was indeed in the middle: some of it is still to do.
  expect((await asOpenclaw(machine, 'supervise', 'check', '--json')).status).toBe(65)

  await machine.run('systemctl', 'start', UNIT)
  await untilShown(machine, UNIT, { ActiveState: 'active' })
  await until(
    'consistent',
    async () => (await asOpenclaw(machine, 'supervise', 'check', '--json')).status === 0,
  )
  expect((await census.end()).map((pids) => pids.length)).toEqual([0, 1])
})
