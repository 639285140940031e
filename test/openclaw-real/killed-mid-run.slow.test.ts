/** kill -9 in the middle of a run: recovered, started again, and the gateway itself goes on with the turn. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { textOf } from '../../demo/model.mjs'
import { signal, stillLives } from './harness/census.ts'
import { openLab, type Lab } from './harness/lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab('2026.4.26')
  lab.start('supervise')
})
afterAll(() => lab?.close())

test('the cut-off turn is resumed with all that was said before', async () => {
  const first = await lab.readyUnderSupervision()
  await lab.turn('my number is 4711')
  await lab.beginTurn('hold:here what is my number?')
  signal(first, 'SIGKILL')

  const second = await lab.readyUnderSupervision(60_000, first)
  expect(stillLives(first)).toBe(false)
  expect(lab.gateways()).toEqual([second])
  const resumed = await lab.model.request(
    ({ prompt }) => prompt.includes('Your previous turn was interrupted by a gateway restart'),
    60_000,
    'to go on with the interrupted turn',
  )
  const context = resumed.messages.map(({ content }) => textOf(content)).join('\n')
  expect(context).toContain('my number is 4711')
  expect(context).toContain('what is my number?')
})

test('status and history name the cause', async () => {
  const status = await lab.status()
  expect(status).toMatchObject({
    ready: true,
    lastExit: { exit: { by: 'signal', signal: 'SIGKILL' }, wasReady: true },
  })
  expect(status.budgets.crashes.spent).toBe(1)
  expect((await lab.supervise('history')).stdout).toContain('SIGKILL')
})
