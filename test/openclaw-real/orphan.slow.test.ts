/** kill -9 of the supervisor: its gateway lives on, and the next start stops it before it starts another one. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { identityOf, signal, stillLives } from './harness/census.ts'
import { openLab, type Lab } from './harness/lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab('2026.4.26')
})
afterAll(() => lab?.close())

test('one gateway at any time, and the conversation goes on', async () => {
  const first = lab.start('supervise')
  const orphan = await lab.readyUnderSupervision()
  await lab.turn('my number is 4711')
  const supervisor = identityOf(first.pid)
  if (supervisor === undefined) throw new Error('the supervisor is not there')
  signal(supervisor, 'SIGKILL')
  await first.ended
  expect(stillLives(orphan)).toBe(true)
  const told = await lab.supervise('status', '--json')
  expect(JSON.parse(told.stdout)).toMatchObject({ phase: 'orphaned', ready: false, supervisor: null })
  expect(told.code).toBe(3)

  let most = 0
  const census = setInterval(() => (most = Math.max(most, lab.gateways().length)), 20)
  try {
    lab.start('supervise')
    const second = await lab.readyUnderSupervision(60_000, orphan)
    expect(stillLives(orphan)).toBe(false)
    expect(lab.gateways()).toEqual([second])
  } finally {
    clearInterval(census)
  }
  expect(most).toBe(1)
  expect((await lab.history()).map(({ text }) => text)).toContain('my number is 4711')
})
