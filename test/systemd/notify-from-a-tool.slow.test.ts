import { expect } from 'vitest'

import { GATED, install, statusOf, supervisorOf, UNIT } from './installed.ts'
import { story } from './story.ts'
import { until } from './wait.ts'

story("an agent's tool cannot speak for the service", async (machine) => {
  await install(machine, { gateway: GATED })
  await machine.run('systemctl', 'start', '--no-block', UNIT)
  await until(
    'starting',
    async () => (await statusOf(machine).catch(() => undefined))?.['phase'] === 'starting',
  )
  const { pid } = await supervisorOf(machine)
  const { ControlGroup } = await machine.show(UNIT, 'ControlGroup')

  const said = 'READY=1\nSTATUS=a lie\nMAINPID=1\nSTOPPING=1'
  const speak = `
    echo $$ >"/sys/fs/cgroup$1/cgroup.procs"
    NOTIFY_SOCKET=/run/systemd/notify exec setpriv --reuid=openclaw --regid=openclaw --clear-groups systemd-notify "$2"`
  await machine.run('bash', '-c', speak, 'tool', ControlGroup, said)
  // systemd reads its socket in order: what it shows now, it shows in spite of what was said.
  const shown = await machine.show(UNIT, 'ActiveState', 'SubState', 'MainPID', 'StatusText')
  expect(shown).toMatchObject({ ActiveState: 'activating', SubState: 'start', MainPID: String(pid) })
  expect(shown.StatusText).not.toMatch(/lie/)
  // It did hear it, and says why it did not listen.
  await until('the refusal', async () =>
    (await machine.journal()).includes('reception only permitted for main PID'),
  )
})
