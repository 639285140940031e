import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { GATED, GATES, install, openGate, statusOf, UNIT } from './installed.ts'
import { story } from './story.ts'
import { until, untilShown } from './wait.ts'

const NOTES = `${GATES}/notes`

story(
  'systemctl stop waits for the gateway to drain, longer than TimeoutStopSec, and ends in success',
  async (machine) => {
    await install(machine, {
      gateway: GATED,
      settings: ['TimeoutStopSec=3', `Environment=CHILD_JOURNAL=${NOTES}`],
    })
    await openGate(machine, 'ready')
    await machine.run('systemctl', 'start', UNIT)
    const census = await watchGateways(machine, GATED[0])
    const [gateway] = census.now()

    let returned = false
    const stop = machine.run('systemctl', 'stop', UNIT).then(() => (returned = true))
    await untilShown(machine, UNIT, { ActiveState: 'deactivating', SubState: 'stop-sigterm' })
    await until('stopping', async () => (await statusOf(machine))['phase'] === 'stopping')

    // An impatient operator stops it again: nothing is hurried, nothing goes wrong.
    const again = machine.run('systemctl', 'stop', UNIT)
    const begun = Date.now()
    await until('twice the limit', async () => Date.now() - begun > 7000)
    expect(returned).toBe(false)
    expect(census.now()).toEqual([gateway])

    await openGate(machine, 'drained')
    await Promise.all([stop, again])
    expect(await machine.show(UNIT, 'ActiveState', 'Result', 'ExecMainStatus', 'NRestarts')).toEqual({
      ActiveState: 'inactive',
      Result: 'success',
      ExecMainStatus: '0',
      NRestarts: '0',
    })
    expect(await census.end()).toEqual([[gateway], []])
    // systemd's signal went to the supervisor alone: the gateway was told once.
    expect((await machine.run('cat', NOTES)).match(/draining/g)).toHaveLength(1)
  },
)

story(
  'a start ordered while the gateway drains comes after it, and there is one gateway',
  async (machine) => {
    await install(machine, { gateway: GATED })
    await openGate(machine, 'ready')
    await machine.run('systemctl', 'start', UNIT)
    const census = await watchGateways(machine, GATED[0])
    const [first] = census.now()
    const stop = machine.attempt('systemctl', 'stop', UNIT)
    await untilShown(machine, UNIT, { ActiveState: 'deactivating' })
    const start = machine.run('systemctl', 'start', UNIT)
    await openGate(machine, 'drained')
    await Promise.all([stop, start])
    const [second] = census.now()
    expect(await census.end()).toEqual([[first], [], [second]])
  },
)
