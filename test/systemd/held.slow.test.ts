import { expect } from 'vitest'

import { watchGateways } from './gateways.ts'
import { child, install, STATE, statusOf, UNIT, type Wanted } from './installed.ts'
import type { Machine } from './machine.ts'
import { story } from './story.ts'
import { until, untilShown } from './wait.ts'

/** Held: the unit has failed with this status, was not started again, and says why, here and in its own words. */
const expectHeld = async (machine: Machine, status: number, why: RegExp) => {
  const { StatusText, ...shown } = await machine.show(
    UNIT,
    'ActiveState',
    'Result',
    'ExecMainStatus',
    'NRestarts',
    'StatusText',
  )
  expect(shown).toEqual({
    ActiveState: 'failed',
    Result: 'exit-code',
    ExecMainStatus: String(status),
    NRestarts: '0',
  })
  expect(StatusText).toMatch(why)
}

const startInVain = async (machine: Machine, wanted: Wanted) => {
  await install(machine, { ...wanted, settings: ['RestartSec=100ms'] })
  expect((await machine.attempt('systemctl', 'start', UNIT)).status).not.toBe(0)
  await untilShown(machine, UNIT, { ActiveState: 'failed' })
}

story('held because the gateway refuses its configuration: 78', async (machine) => {
  const gateway = child('exit-78')
  await startInVain(machine, { gateway })
  await expectHeld(machine, 78, /78/)
  expect(await statusOf(machine)).toMatchObject({
    phase: 'held',
    hold: { kind: expect.any(String) as string },
  })
})

story('held because the state is not understood: 65, and the gateway never ran', async (machine) => {
  const gateway = child('ready-then-wait')
  await install(machine, { gateway, settings: ['RestartSec=100ms'] })
  const census = await watchGateways(machine, gateway[0])
  await machine.run('install', '-d', '-o', 'openclaw', '-g', 'openclaw', `${STATE}/agents/main/sessions`)
  await machine.write(`${STATE}/agents/main/sessions/sessions.json`, '{"agent:main:main":')
  await machine.run('chmod', '000', `${STATE}/agents/main/sessions/sessions.json`)
  expect((await machine.attempt('systemctl', 'start', UNIT)).status).not.toBe(0)
  await untilShown(machine, UNIT, { ActiveState: 'failed' })
  await expectHeld(machine, 65, /sessions\.json/)
  expect(await census.end()).toEqual([[]])
  expect(await statusOf(machine)).toMatchObject({
    phase: 'held',
    hold: {
      evidence: expect.stringMatching(/sessions\.json/) as string,
      command: expect.any(String) as string,
    },
  })
})

story("held because the port is somebody else's: 69, and it is named", async (machine) => {
  await machine.write(
    '/run/stranger.mjs',
    "import('node:net').then((net) => net.createServer().listen(18789, '127.0.0.1'))\n",
  )
  const stranger = machine.start('node', '/run/stranger.mjs')
  await until('the stranger', async () => (await machine.run('ss', '-Hltn', 'sport = :18789')) !== '')
  await startInVain(machine, { gateway: child('ready-then-wait') })
  await expectHeld(machine, 69, /18789/)
  stranger.kill()
})

story('wrong usage is not tried twice: 64', async (machine) => {
  await startInVain(machine, { gateway: child('ready-then-wait'), flags: ['--port', '99999'] })
  const shown = await machine.show(UNIT, 'ActiveState', 'Result', 'ExecMainStatus', 'NRestarts')
  expect(shown).toEqual({ ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: '64', NRestarts: '0' })
})
