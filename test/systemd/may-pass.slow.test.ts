import { expect } from 'vitest'

import { child, install, STATE, UNIT } from './installed.ts'
import { story } from './story.ts'
import { until, untilShown } from './wait.ts'

story('a full disk is tried again until it is not full: 75 restarts', async (machine) => {
  await install(machine, {
    gateway: child('ready-then-wait'),
    flags: ['--max-recoveries', '1'],
    settings: ['RestartSec=100ms'],
  })
  // A file system of its own, with a state that is damaged and no room to repair it.
  await machine.run(
    'mount',
    '-t',
    'tmpfs',
    '-o',
    'size=256k,mode=700,uid=openclaw,gid=openclaw',
    'tmpfs',
    STATE,
  )
  const transcript = `${STATE}/agents/main/sessions/0a.jsonl`
  await machine.write(
    transcript,
    '{"type":"session","version":3,"id":"0a","timestamp":"2026-04-26T00:00:00.000Z","cwd":"/"}\n{"type":',
  )
  await machine.write(
    `${STATE}/agents/main/sessions/sessions.json`,
    '{"agent:main:main":{"sessionId":"0a","updatedAt":1}}\n',
  )
  await machine.write(`${STATE}/openclaw.json`, '{"gateway":{"mode":"local"}}')
  await machine.run('chown', '-R', 'openclaw:openclaw', STATE)
  await machine.attempt('dd', 'if=/dev/zero', `of=${STATE}/filler`, 'bs=4k')

  await machine.run('systemctl', 'start', '--no-block', UNIT)
  await until(
    'a third attempt',
    async () => Number((await machine.show(UNIT, 'NRestarts')).NRestarts) >= 2,
    60_000,
  )
  const ends = await machine.failures(UNIT)
  expect(ends.every((result) => result === 'exit-code')).toBe(true)

  await machine.run('rm', `${STATE}/filler`)
  await untilShown(machine, UNIT, { ActiveState: 'active', SubState: 'running' }, 60_000)
})
