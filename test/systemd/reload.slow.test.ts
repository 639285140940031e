import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { child, install, statusOf, supervisorOf, UNIT } from './installed.ts'
import { story } from './story.ts'
import { until } from './wait.ts'

const gateway = child('ready-then-wait')

story(
  'a reload restarts the gateway and not the supervisor, and returns when it is ready again',
  async (machine) => {
    await install(machine, { gateway })
    const census = await watchGateways(machine, gateway[0])
    await machine.run('systemctl', 'start', UNIT)
    const before = await machine.show(UNIT, 'MainPID', 'NRestarts', 'ActiveEnterTimestampMonotonic')
    const [first] = census.now()

    await machine.run('systemctl', 'reload', UNIT)
    const [second] = census.now()
    expect(second).not.toBe(first)
    expect(await statusOf(machine)).toMatchObject({ phase: 'running', ready: true, child: { pid: second } })

    // The signal alone does the same, for whoever prefers it.
    await machine.signal(await supervisorOf(machine), 'HUP')
    const third = await until('a third', async () => census.now().find((pid) => pid !== second))
    await until('ready', async () => (await statusOf(machine))['ready'] === true)

    expect(await machine.show(UNIT, 'MainPID', 'NRestarts', 'ActiveEnterTimestampMonotonic')).toEqual(before)
    expect(await census.end()).toEqual([[], [first], [], [second], [], [third]])
  },
)
