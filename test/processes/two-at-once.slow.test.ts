/** Supervisors that start at the same instant: exactly one wins, the others say who did (lock.ts 1; architecture: promise 3). */
import { expect, test } from 'vitest'
import { rooms, type Room, type Supervisor } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

const oneWins = async (room: Room, all: readonly Supervisor[], withinMs: number): Promise<Supervisor> => {
  const losers = await until(
    'all but one are refused',
    () => {
      const ended = all.filter((each) => each.end() !== undefined)
      return ended.length >= all.length - 1 && ended
    },
    withinMs,
  )
  expect(losers).toHaveLength(all.length - 1)
  for (const loser of losers) {
    expect(loser.end(), loser.said()).toEqual({ code: 69, signal: null })
    const words = loser.said().trim().split('\n')
    expect(words.length).toBeLessThanOrEqual(2)
    expect(JSON.parse(words.at(-1)!)).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(
        /^the state directory is held by .*pid \d+ \(.*, user .*\), started .*Z/,
      ) as string,
      command: `supervise status --state-dir ${room.stateDir}`,
    })
  }
  const winner = all.find((each) => !losers.includes(each))!
  await room.reaches('the winner is ready', (s) => s.ready && s.supervisor?.pid === winner.who.pid)
  expect(winner.end()).toBeUndefined()
  return winner
}

test('forty times six: one wins, five are refused with 69 and one line, one gateway', async () => {
  const room = await enter()
  for (let times = 0; times < 40; times++) {
    const all = Array.from({ length: 6 }, () => room.run('one-at-a-time'))
    const winner = await oneWins(room, all, 20_000)
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
