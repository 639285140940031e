/** A gateway is told where it is in the words that its user would find it by: through a link, with `.env` and a profile. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'
import { freePort, rooms } from './room.ts'

const enter = rooms()

test('under the name that the state has, while that leads there', async () => {
  const room = await enter()
  const named = join(room.folder, 'link')
  symlinkSync(room.stateDir, named)
  writeFileSync(join(room.stateDir, '.env'), `OPENCLAW_GATEWAY_PORT=${room.port}\n`)
  const supervisor = room.run('ready-then-wait', {
    env: { OPENCLAW_STATE_DIR: named, OPENCLAW_PROFILE: 'inherited' },
    flags: ['--profile', 'work'],
    portOfConfig: true,
  })
  const first = await room.reaches('ready', (status) => status.ready)
  expect(Object.fromEntries(environmentOf(first.child!.pid)!)).toMatchObject({
    OPENCLAW_STATE_DIR: named,
    OPENCLAW_CONFIG_PATH: join(named, 'openclaw.json'),
    OPENCLAW_GATEWAY_PORT: String(room.port),
    OPENCLAW_PROFILE: 'work',
  })

  // What was locked is what is started on, wherever the link leads by now.
  rmSync(named)
  mkdirSync(named)
  const other = await freePort()
  writeFileSync(join(room.stateDir, '.env'), `OPENCLAW_GATEWAY_PORT=${other}\n`)
  sendSignal(first.child!, 'SIGTERM')
  const second = await room.reaches('ready again', (s) => s.ready && s.child?.pid !== first.child!.pid)
  expect(second.place.port).toBe(other)
  expect(environmentOf(second.child!.pid)?.get('OPENCLAW_STATE_DIR')).toBe(room.stateDir)

  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test.each([
  ['that speaks TLS', 'ready-over-tls', { tls: { enabled: true } }],
  ['that listens at one address', 'ready-elsewhere', { bind: 'custom', customBindHost: '127.0.0.2' }],
])('one %s is seen ready', async (_, child, gateway) => {
  const room = await enter()
  writeFileSync(join(room.stateDir, 'openclaw.json'), JSON.stringify({ gateway }))
  const supervisor = room.run(child)
  const { readiness } = await room.reaches('ready', (status) => status.ready)
  expect(readiness.evidence).toContain('/readyz says ready')
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})
