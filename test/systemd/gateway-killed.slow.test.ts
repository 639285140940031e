import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { install, STAND_IN, statusOf, supervisorOf, UNIT } from './installed.ts'
import { CHECKOUT } from './machine.ts'
import { story } from './story.ts'
import { until } from './wait.ts'

const TIMES = 3

story(
  'a gateway killed under load is replaced, and the service manager has nothing to do',
  async (machine) => {
    await install(machine, { gateway: STAND_IN })
    const census = await watchGateways(machine, STAND_IN[0])
    await machine.run('systemctl', 'start', UNIT)
    const before = await machine.show(UNIT, 'MainPID', 'ActiveEnterTimestampMonotonic', 'NRestarts')
    const load = machine.start('node', `${CHECKOUT}/test/systemd/load.mjs`, 'http://127.0.0.1:18789/')

    for (let times = 1; times <= TIMES; times++) {
      const [gateway = 0] = census.now()
      await machine.signal(await machine.identify(gateway), 'KILL')
      const next = await until('another gateway', async () => census.now().find((pid) => pid !== gateway))
      await until('ready', async () => {
        const { ready, child } = await statusOf(machine)
        return ready === true && (child as { pid: number }).pid === next
      })
    }

    load.kill()
    expect(await machine.show(UNIT, 'MainPID', 'ActiveEnterTimestampMonotonic', 'NRestarts')).toEqual(before)
    expect(await machine.show(UNIT, 'ActiveState')).toEqual({ ActiveState: 'active' })
    expect((await supervisorOf(machine)).pid).toBe(Number(before.MainPID))
    expect((await census.end()).every((pids) => pids.length <= 1)).toBe(true)
    expect(await statusOf(machine)).toMatchObject({
      lastExit: { exit: { by: 'signal', signal: 'SIGKILL' }, wasReady: true },
    })
  },
)
