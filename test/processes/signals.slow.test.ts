/** What signals do to the supervisor, at any moment. */
import { expect, test } from 'vitest'
import { rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

test('TERM at any moment of the start is never lost, and leaves no child', async () => {
  const room = await enter()
  const seen = new Map<string, number>()
  for (let delayMs = 0; delayMs <= 600; delayMs += 20) {
    const supervisor = room.run('ready-then-wait')
    await new Promise((go) => setTimeout(go, delayMs))
    supervisor.signal('SIGTERM')
    const ended = await supervisor.ended
    const how = ended.signal ?? String(ended.code)
    seen.set(how, (seen.get(how) ?? 0) + 1)
    expect(['SIGTERM', '143', '0'], `after ${delayMs} ms: ${supervisor.said()}`).toContain(how)
    expect(room.inhabitants(), `after ${delayMs} ms`).toEqual([])
  }
  expect(seen.size).toBeGreaterThan(1)
})

test('INT and TERM during back-off end it at once', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const room = await enter()
    const supervisor = room.run('exit-3-after-ready', { flags: ['--backoff=1h', '--backoff-max=1h'] })
    await room.reaches('back-off', (status) => status.phase === 'backing-off')
    supervisor.signal(signal)
    expect((await supervisor.ended).code).toBe(0)
    expect(room.status()).toMatchObject({ phase: 'stopped', supervisor: null, nextAttemptAt: null })
  }
})

test('HUP restarts the gateway; many are one; USR1 opens no inspector', async () => {
  const room = await enter()
  const supervisor = room.run('slow-stop 300')
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGUSR1')
  for (let times = 0; times < 5; times++) supervisor.signal('SIGHUP')
  await room.reaches('another one is ready', (status) => status.ready && status.child?.number === 2)
  expect(supervisor.said()).not.toContain('Debugger listening')
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.journal().filter((line) => line.startsWith('started'))).toHaveLength(2)
})

test('a second TERM while it drains changes nothing', async () => {
  const room = await enter()
  const supervisor = room.run('slow-stop 500')
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGTERM')
  await until('it drains', () => room.journal().some((line) => line.startsWith('draining')))
  supervisor.signal('SIGTERM')
  supervisor.signal('SIGINT')
  supervisor.signal('SIGHUP')
  expect((await supervisor.ended).code).toBe(0)
  expect(room.status()!.lastExit).toMatchObject({ exit: { by: 'code', code: 0 } })
})
