/** A gateway whose loop stands still while it installs packages is busy: neither too slow to start nor hung. */
import { expect, test } from 'vitest'
import { rooms } from './room.ts'

const enter = rooms()

test('the start limit is extended while it installs, and it is started once', async () => {
  const room = await enter()
  const supervisor = room.run('installs 5000', { flags: ['--start-limit=2s', '--max-crashes=0'] })
  const ready = await room.reaches('ready', (status) => status.ready, 20_000)
  expect(ready.child!.number).toBe(1)
  const [started, seen] = room.ledger().filter(({ event }) => event === 'started' || event === 'ready')
  expect(Date.parse(seen!.at) - Date.parse(started!.at)).toBeGreaterThan(4000)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('within its bound: one that installs for ever is given up', async () => {
  const room = await enter()
  const flags = ['--start-limit=500ms', '--start-bound=2s', '--max-crashes=0']
  const supervisor = room.run('installs 60000', { flags })
  expect((await supervisor.ended).code).toBe(65)
  expect(room.status()).toMatchObject({ why: 'too-slow-to-start', hold: { kind: 'gateway-fails' } })
})

test('silent for longer than a hang takes, but installing: it is waited for', async () => {
  const room = await enter()
  const flags = ['--hang-after=1s', '--probe-timeout=200ms', '--max-crashes=0']
  const supervisor = room.run('installs 0 4000', { flags })
  const silent = await room.reaches(
    'it is silent after it was ready',
    ({ phase, readiness }) => phase === 'running' && readiness.is === 'silent',
  )
  const again = await room.reaches('ready again', ({ readiness }) => readiness.is === 'ready')
  expect(again.child!.number).toBe(1)
  const silentMs = Date.parse(again.readiness.since!) - Date.parse(silent.readiness.since!)
  expect(silentMs).toBeGreaterThan(1500)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})
