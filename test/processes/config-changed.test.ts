/** The gateway restarts itself when its configuration changes: what it says of the port is read again before each start. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sendSignal } from '../../src/host/send-signal.ts'
import { freePort, rooms } from './room.ts'

const enter = rooms()

test('another port in the configuration is where the next gateway listens, and where it is looked for', async () => {
  const room = await enter()
  const configure = (port: number): void =>
    writeFileSync(join(room.stateDir, 'openclaw.json'), JSON.stringify({ gateway: { port } }))
  configure(room.port)
  const supervisor = room.run('ready-then-wait', { portOfConfig: true })
  const first = await room.reaches('ready', (status) => status.ready)
  expect(first.place.port).toBe(room.port)

  const other = await freePort()
  configure(other)
  sendSignal(first.child!, 'SIGTERM')
  const second = await room.reaches('ready again', (s) => s.ready && s.child?.pid !== first.child!.pid)
  expect(second.place.port).toBe(other)
  expect(second.readiness.evidence).toContain(`port ${other} `)

  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})
