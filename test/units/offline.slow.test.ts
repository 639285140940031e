/**
 * What systemd itself says of the units without running them.  `systemd-analyze verify` ends with 0 for a key
 * or a value it does not know, and says so on standard error only: there every word fails.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'

import { install, STAND_IN } from '../systemd/installed.ts'
import { bootMachine, CHECKOUT, type Machine } from '../systemd/machine.ts'

const SYSTEM = `${CHECKOUT}/units/supervise-openclaw.service`
const USER = `${CHECKOUT}/units/user/supervise-openclaw.service`

/** In tenths: the scale is 0 to 10.  What it is made of stands in the unit: each setting left out, and why. */
const EXPOSURE_LIMIT = '27'

let machine: Machine
beforeAll(async () => {
  machine = await bootMachine()
  await install(machine, { gateway: STAND_IN })
})
afterAll(() => machine.close())

const verify = (manager: '--system' | '--user', unit: string) =>
  machine.attempt(
    'env',
    'XDG_RUNTIME_DIR=/run',
    'systemd-analyze',
    'verify',
    manager,
    '--man=no',
    '--recursive-errors=no',
    unit,
  )
const score = (unit: string) =>
  machine.attempt(
    'systemd-analyze',
    'security',
    '--no-pager',
    '--offline=true',
    `--threshold=${EXPOSURE_LIMIT}`,
    unit,
  )

test.each([
  ['--system', SYSTEM],
  ['--user', USER],
] as const)('%s: systemd has nothing to say against the unit', async (manager, unit) => {
  expect(await verify(manager, unit)).toEqual({ status: 0, stdout: '', stderr: '' })
})

test.each(['RestartPreventStatus=64', 'KillMode=mixt', 'SystemCallFilter=@nonsense'])(
  'a mistake is heard: %s',
  async (mistake) => {
    const wrong = '/run/wrong.service'
    await machine.write(
      wrong,
      (await machine.run('cat', SYSTEM)).replace('[Service]\n', `[Service]\n${mistake}\n`),
    )
    expect((await verify('--system', wrong)).stderr).not.toBe('')
  },
)

test('the system unit is exposed no more than its limit', async () => {
  expect(await score(SYSTEM)).toMatchObject({ status: 0 })
})

test.each(['CapabilityBoundingSet=', 'ProtectSystem=strict', 'NoNewPrivileges=yes'])(
  'without %s it would be',
  async (setting) => {
    const wider = '/run/wider.service'
    await machine.write(wider, (await machine.run('cat', SYSTEM)).replace(`\n${setting}\n`, '\n'))
    expect(await score(wider)).toMatchObject({ status: 1 })
  },
)
