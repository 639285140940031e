/**
 * The supervisor is killed in the first instants of a child's life, before the child is named anywhere and after:
 * the next start takes it over, finds nobody, or, where it has no name yet, leaves it alone. Never are there two.
 */
import { expect, test } from 'vitest'
import { sendSignal } from '../../src/host/send-signal.ts'
import { rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

test('killed at every 2 ms after the order to start', async () => {
  const room = await enter()
  for (let delayMs = 0; delayMs < 60; delayMs += 2) {
    const first = room.run('one-at-a-time')
    await room.reaches('starting', (s) => s.phase === 'starting' && s.supervisor?.pid === first.who.pid)
    const due = performance.now() + delayMs
    while (performance.now() < due);
    first.signal('SIGKILL')
    await first.ended
    const second = room.run('one-at-a-time')
    await room.reaches(
      'an answer',
      (s) => second.end() !== undefined || (s.ready && s.supervisor?.pid === second.who.pid),
    )
    if (second.end() !== undefined) {
      expect(second.end(), second.said()).toEqual({ code: 69, signal: null })
      expect(second.said()).toContain('left no name')
      const [orphan, ...others] = room.inhabitants()
      expect([orphan === undefined, others]).toEqual([false, []])
      sendSignal(orphan!, 'SIGKILL')
      await until('the orphan is gone', () => room.inhabitants().length === 0)
      continue
    }
    second.signal('SIGTERM')
    expect((await second.ended).code).toBe(0)
  }
  expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
})
