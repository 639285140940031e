/** Two supervisors that start at the same instant: exactly one wins, the other says who did (lock.ts 1). */
import { expect, test } from 'vitest'
import { rooms, type Room, type Supervisor } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

const oneWins = async (room: Room, both: readonly Supervisor[], withinMs: number): Promise<Supervisor> => {
  const loser = await until('one is refused', () => both.find((each) => each.end() !== undefined), withinMs)
  expect(loser.end(), loser.said()).toEqual({ code: 69, signal: null })
  const words = loser.said().trim().split('\n')
  expect(words.length).toBeLessThanOrEqual(2)
  expect(JSON.parse(words.at(-1)!)).toMatchObject({
    level: 'error',
    msg: expect.stringContaining('the state directory is'),
    command: 'supervise status',
  })
  const winner = both.find((each) => each !== loser)!
  await room.reaches('the winner is ready', (s) => s.ready && s.supervisor?.pid === winner.who.pid)
  expect(winner.end()).toBeUndefined()
  return winner
}

test('forty times: one wins, one is refused with 69 and one line, one gateway', async () => {
  const room = await enter()
  for (let times = 0; times < 40; times++) {
    const winner = await oneWins(room, [room.run('one-at-a-time'), room.run('one-at-a-time')], 10_000)
    winner.signal('SIGTERM')
    expect((await winner.ended).code).toBe(0)
  }
  expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
  expect(room.journal().filter((line) => line.startsWith('started'))).toHaveLength(40)
})

test('with an orphan to take over: one wins, the other does not wait for long', async () => {
  const room = await enter()
  for (let times = 0; times < 3; times++) {
    const first = room.run('one-at-a-time 0 300')
    await room.reaches('ready', (status) => status.ready && status.supervisor?.pid === first.who.pid)
    first.signal('SIGKILL')
    await first.ended
    const how = { flags: ['--stop-limit=1m'] }
    const winner = await oneWins(
      room,
      [room.run('one-at-a-time', how), room.run('one-at-a-time', how)],
      10_000,
    )
    winner.signal('SIGTERM')
    expect((await winner.ended).code).toBe(0)
  }
  expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
})
